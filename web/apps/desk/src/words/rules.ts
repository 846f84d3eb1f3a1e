/**
 * Rules of segments between what a person clicks together and the JSON the server reads. Pure.
 * What is nested deeper than two levels is left to the text field.
 */

import type { Rules } from '$api/contacts';

/** A test of one field. */
export interface Line {
  field: string;
  operator: Operator;
  value: string;
}

/** What a person clicks together: lines of which all, or any, must hold. */
export interface Simple {
  joined: '$and' | '$or';
  lines: Line[];
}

export const FIELDS: ReadonlyArray<readonly [field: string, words: string]> = [
  ['tags', 'Tags'],
  ['lifecycle_stage', 'Stage'],
  ['country_code', 'Country'],
  ['first_name', 'First name'],
  ['last_name', 'Last name'],
  ['profile_name', 'Name at WhatsApp'],
  ['phone', 'Phone'],
  ['email', 'E-mail'],
  ['created_at', 'Known since'],
  ['updated_at', 'Changed'],
];

const OPERATORS = {
  $eq: 'is',
  $ne: 'is not',
  $in: 'is one of',
  $contains: 'contains',
  $starts_with: 'begins with',
  $gt: 'is more than',
  $lt: 'is less than',
  $exists: 'is known',
  $absent: 'is not known',
} as const;

export type Operator = keyof typeof OPERATORS;

const INSTANTS = new Set(['created_at', 'updated_at']);

/** How a field can be tested, in words. */
export function operatorsOf(field: string): ReadonlyArray<readonly [Operator, string]> {
  if (INSTANTS.has(field)) {
    return [
      ['$gt', 'after'],
      ['$lt', 'before'],
    ];
  }
  const some: readonly Operator[] = field.startsWith('metadata.')
    ? ['$eq', '$ne', '$in', '$contains', '$starts_with', '$gt', '$lt', '$exists', '$absent']
    : field === 'tags'
      ? ['$contains', '$in', '$exists', '$absent']
      : ['$eq', '$ne', '$in', '$contains', '$starts_with', '$exists', '$absent'];
  return some.map((operator) => [operator, OPERATORS[operator]] as const);
}

export function needsValue(operator: Operator): boolean {
  return operator !== '$exists' && operator !== '$absent';
}

export function isInstant(field: string): boolean {
  return INSTANTS.has(field);
}

/** The rules of lines; each line keeps its place, so that the server's path names it. */
export function rulesOf({ joined, lines }: Simple): Rules {
  return { [joined]: lines.map(ruleOf) };
}

function ruleOf({ field, operator, value }: Line): Rules {
  if (!needsValue(operator)) return { [field]: { $exists: operator === '$exists' } };
  const kind = (text: string): unknown => (field.startsWith('metadata.') ? scalar(text) : text.trim());
  const typed = operator === '$in' ? value.split(',').map(kind) : kind(value);
  return { [field]: { [operator]: typed } };
}

/** Fields of the house's own have kinds. */
function scalar(text: string): unknown {
  const written = text.trim();
  if (written === 'true' || written === 'false') return written === 'true';
  return written !== '' && String(Number(written)) === written ? Number(written) : written;
}

/** The lines of rules; null when they say more than lines can. */
export function simpleOf(rules: Rules): Simple | null {
  const joined = '$or' in rules ? '$or' : '$and';
  const parts =
    joined in rules ? only(rules, joined) : Object.entries(rules).map(([name, value]) => ({ [name]: value }));
  if (!Array.isArray(parts)) return null;
  const lines = parts.map(lineOf);
  const whole = lines.filter((line) => line !== null);
  return whole.length === lines.length && whole.length > 0 ? { joined, lines: whole } : null;
}

function only(rules: Rules, name: string): unknown {
  return Object.keys(rules).length === 1 ? rules[name] : null;
}

function lineOf(part: unknown): Line | null {
  const [entry, ...more] = entries(part);
  if (entry === undefined || more.length > 0) return null;
  const [field, test] = entry;
  const [operation = ['$eq', test] as const, ...others] = entries(test);
  if (field.startsWith('$') || others.length > 0) return null;
  const [name, value] = operation;
  const operator = name === '$exists' && value === false ? '$absent' : name;
  const known = operatorsOf(field).find(([each]) => each === operator)?.[0];
  if (known === undefined) return null;
  const texts = Array.isArray(value) ? value : [value];
  const line = { field, operator: known, value: needsValue(known) ? texts.map(String).join(', ') : '' };
  // Only what comes back as the same rule: a comma in a value, or a number as text, would not.
  return JSON.stringify(ruleOf(line)) === JSON.stringify({ [field]: { [name]: value } }) ? line : null;
}

function entries(value: unknown): Array<[string, unknown]> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

/** Which line a refusal's path means; null when it is about the whole. */
export function lineOfPath(path: string | null): number | null {
  const at = /^rules\.\$(?:and|or)\[(\d+)\]/.exec(path ?? '')?.[1];
  return at === undefined ? null : Number(at);
}
