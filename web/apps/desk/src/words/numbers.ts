/** What WhatsApp says of calling on a number, as far as the desk knows its words. Pure. */

const ON_OFF: Record<string, string> = { ENABLED: 'On', DISABLED: 'Off' };

/** The names the desk knows, wherever they stand. */
type Known =
  | 'status'
  | 'call_icon_visibility'
  | 'call_hours'
  | 'timezone_id'
  | 'callback_permission_status'
  | 'sip'
  | 'restrictions'
  | 'restrictions_list'
  | 'reason'
  | 'type'
  | 'expiration';
type Fields = Readonly<Partial<Record<Known, unknown>>>;

/** The settings a person asks about; the rest can be read as it was sent. */
export function settingsInWords(settings: unknown): Array<readonly [string, string | null]> {
  const all = fields(settings);
  const hours = fields(all.call_hours);
  const rows: Array<readonly [string, string | null]> = [
    ['Calling', onOff(all.status)],
    ['Call button', all.call_icon_visibility === 'DISABLE_ALL' ? 'Hidden' : all.call_icon_visibility ? 'Shown' : null],
    ['Call hours', hours.status === 'ENABLED' ? `Limited (${text(hours.timezone_id) ?? 'no zone'})` : 'Always'],
    ['Asks for callbacks', onOff(all.callback_permission_status)],
    ['SIP', onOff(fields(all.sip).status)],
  ];
  return [...rows, ...restrictions(all)];
}

/** Why WhatsApp holds calls back, and until when. */
function restrictions(all: Fields): Array<readonly [string, string]> {
  const list = fields(all.restrictions).restrictions_list;
  return (Array.isArray(list) ? list : []).map((entry: unknown) => {
    const { reason, type, expiration } = fields(entry);
    const until = typeof expiration === 'number' ? `, until ${new Date(expiration * 1_000).toLocaleString()}` : '';
    return ['Restricted', `${text(reason) ?? text(type) ?? 'No reason given'}${until}`] as const;
  });
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function onOff(value: unknown): string | null {
  const word = text(value);
  return word === null ? null : (ON_OFF[word] ?? word);
}

/** What to do about a refusal, where the server's own words do not say it. */
const REMEDIES: Record<string, string> = {
  COUNTRY_BLOCKED: 'WhatsApp has no calls from this country. Another business number may have them.',
  WHATSAPP_CALLING_COUNTRY_BLOCKED: 'WhatsApp has no calls from this country. Another business number may have them.',
  WHATSAPP_CALLING_TOKEN_INVALID: 'Give the number a new access token: offhook admin number set --access-token-file.',
  WHATSAPP_CALLING_LIMIT_REACHED: 'WhatsApp is asked too often. Wait a minute, then try again.',
  META_ERROR: 'WhatsApp would not do it. Look at the number in Meta’s business settings.',
  WHATSAPP_CALLING_PROVIDER_ERROR: 'WhatsApp cannot be reached, or has a fault. Try again in a moment.',
  INSUFFICIENT_PERMISSIONS: 'Ask an owner or an admin to do it.',
};

export function remedyOf(code: string): string | null {
  return REMEDIES[code] ?? null;
}
