import { fireEvent, render, screen } from '@testing-library/svelte';
import { tick } from 'svelte';
import { beforeEach, expect, test, vi } from 'vitest';
import Figures from '../src/features/figures/Figures.svelte';
import Hooks from '../src/features/hooks/Hooks.svelte';
import Numbers from '../src/features/numbers/Numbers.svelte';
import { session } from '../src/session/session.svelte';
import { topicsInWords } from '../src/words/events';
import { conditionOf, headersOf } from '../src/words/hooks';
import { settingsInWords } from '../src/words/numbers';
import { serve } from './fake/server';

const HOOKS = '/api/v1/webhooks';

const hook = {
  id: 'wh_1',
  url: 'https://crm.example.com/hook',
  events: ['whatsapp.call.*'],
  description: null,
  dress: 'orbit' as const,
  phone_number_id: null,
  active: true,
  disabled_reason: null,
  consecutive_failures: 0,
  created_at: '2026-11-02T09:15:00Z',
};

const delivery = {
  id: 'd1',
  event_id: 'evt_1',
  event_type: 'webhook.test',
  state: 'delivered',
  http_status: 200,
  response_time_ms: 34,
  attempts: 1,
  error: null,
  request_headers: null,
  response_headers: null,
  response_body: null,
  created_at: '2026-11-02T09:15:00Z',
  last_attempt_at: '2026-11-02T09:15:00Z',
  next_attempt_at: null,
};

beforeEach(() => {
  vi.unstubAllGlobals();
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true;
  };
  session.agent = { id: 'usr_1', name: 'Ann', email: 'ann@example.com', role: 'owner' };
  session.state = 'in';
});

async function drawn(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  await tick();
}

const at = (testId: string) => screen.getByTestId(testId);

test('a webhook is made with what was chosen, and its secret is shown once', async () => {
  const asked = serve({
    [`GET ${HOOKS}`]: [200, { data: [] }],
    'GET /api/v1/whatsapp/calling/numbers': [200, { data: [] }],
    [`POST ${HOOKS}`]: [201, { data: { ...hook, signing_secret: 'whsec_1' } }],
  });
  render(Hooks, { id: '' });
  await drawn();
  await fireEvent.click(at('new-hook'));
  await fireEvent.input(at('hook-url'), { target: { value: hook.url } });
  await fireEvent.click(at('topic-all'));
  await fireEvent.click(at('topic-whatsapp.call.*'));
  await fireEvent.click(at('save-hook'));
  await drawn();
  expect(asked.find(({ method }) => method === 'POST')?.body).toEqual({
    url: hook.url,
    dress: 'orbit',
    events: ['whatsapp.call.*'],
    description: '',
  });
  expect(at('secret').textContent).toBe('whsec_1');
});

test('a refused address is told, and nothing typed is lost', async () => {
  const error = { code: 'INVALID_WEBHOOK_URL', message: 'this address is in a private network' };
  serve({ [`GET ${HOOKS}`]: [200, { data: [] }], [`POST ${HOOKS}`]: [422, { error }] });
  render(Hooks, { id: '' });
  await drawn();
  await fireEvent.click(at('new-hook'));
  await fireEvent.input(at('hook-url'), { target: { value: 'https://10.0.0.1/' } });
  await fireEvent.click(at('save-hook'));
  await drawn();
  expect(at('hook-problem').textContent).toContain('This address is in a private network.');
  expect(at('hook-url')).toHaveProperty('value', 'https://10.0.0.1/');
});

test('the result of a test is told where it was asked for', async () => {
  serve({
    [`GET ${HOOKS}/wh_1`]: [200, { data: hook }],
    [`GET ${HOOKS}/wh_1/deliveries`]: [200, { data: [delivery] }],
    [`GET ${HOOKS}/wh_1/deliveries?limit=10`]: [200, { data: [delivery] }],
    [`POST ${HOOKS}/wh_1/test`]: [202, { data: { event_id: 'evt_1' } }],
  });
  render(Hooks, { id: 'wh_1' });
  await drawn();
  await fireEvent.click(at('test-hook'));
  await drawn();
  expect(at('test-result').textContent).toContain('The test has arrived: 200 in 34 ms');
});

test('what was given up is sent again by its delivery, what arrived by its event', async () => {
  const dead = { ...delivery, id: 'd2', state: 'dead', event_id: 'evt_2' };
  const asked = serve({
    [`GET ${HOOKS}/wh_1`]: [200, { data: hook }],
    [`GET ${HOOKS}/wh_1/deliveries`]: [200, { data: [delivery, dead] }],
    [`POST ${HOOKS}/wh_1/replay`]: [202, { data: { deliveries: 1, rest_since: null } }],
  });
  render(Hooks, { id: 'wh_1' });
  await drawn();
  for (const button of screen.getAllByTestId('send-again')) {
    await fireEvent.click(button);
    await drawn();
  }
  const sent = asked.filter(({ method }) => method === 'POST').map(({ body }) => body);
  expect(sent).toEqual([{ event_id: 'evt_1' }, { delivery_id: 'd2' }]);
});

test('a refused switch leaves calling as it is and says why', async () => {
  const number = { id: 'n1', phone_number_id: '47', waba_id: '12', phone: '+351210000001', media_mode: 'bridge' };
  const calling = '/api/v1/whatsapp/connections/47/calling';
  const error = { code: 'COUNTRY_BLOCKED', message: 'calling is not possible in this country' };
  serve({
    'GET /api/v1/whatsapp/calling/numbers': [200, { data: [number] }],
    [`GET ${calling}`]: [200, { data: { calling_enabled: false, country_code: 'TR', updated_at: null, settings: {} } }],
    [`POST ${calling}/enable`]: [422, { error, meta: { docs_url: '/docs/errors/COUNTRY_BLOCKED' } }],
  });
  render(Numbers, { switches: true });
  await drawn();
  await fireEvent.click(at('switch-calling'));
  await drawn();
  expect(at('number-trouble').textContent).toContain('Calling is not possible in this country.');
  expect(at('number-trouble').querySelector('a')?.getAttribute('href')).toBe('/docs/errors/COUNTRY_BLOCKED');
  expect(at('switch-calling').getAttribute('aria-checked')).toBe('false');
});

test('figures of a year are drawn by the week', async () => {
  const trend = Array.from({ length: 365 }, (_, day) => ({
    date: new Date(Date.UTC(2026, 0, 1 + day)).toISOString().slice(0, 10),
    ...{ total: 1, answered: 1, declined: 0, missed: 0, failed: 0, duration_seconds: 60 },
  }));
  const zone = encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone);
  const figures = {
    window: { from: '2026-01-01', to: '2026-12-31', timezone: 'UTC' },
    total: 365,
    answered: 365,
    trend,
  };
  const sums = { inbound: 365, outbound: 0, declined: 0, missed: 0, failed: 0, costs: null };
  const answer = { data: { ...figures, ...sums, avg_duration_seconds: 60, total_duration_seconds: 21_900 } };
  const path = (days: number) => `GET /api/v1/whatsapp/calling/analytics?days=${days}&timezone=${zone}`;
  serve({ [path(30)]: [200, answer], [path(365)]: [200, answer] });
  const { container } = render(Figures);
  await drawn();
  await fireEvent.click(at('days-365'));
  await drawn();
  expect(screen.getAllByTestId('kpi').map(({ dataset }) => dataset['name'])).toEqual([
    'Calls',
    'Answered',
    'Missed',
    'Talk',
  ]);
  expect(container.querySelectorAll('svg g')).toHaveLength(53);
});

test('how a webhook is doing is said in a word', () => {
  expect(conditionOf(hook)).toEqual({ text: 'Active', tone: 'accent' });
  expect(conditionOf({ ...hook, consecutive_failures: 3 }).text).toBe('Failed 3 times');
  expect(conditionOf({ ...hook, active: false, disabled_reason: 'gone' }).tone).toBe('danger');
  expect(topicsInWords(['whatsapp.call.*', 'contact.*'])).toBe('calls, contacts');
  expect(topicsInWords(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more');
  expect(headersOf('X-Key: a:b\n\nY:')).toEqual({ 'X-Key': 'a:b', Y: '' });
  expect(headersOf('no header')).toBeNull();
});

test('what WhatsApp says is read as far as its words are known', () => {
  expect(
    settingsInWords({ status: 'ENABLED', call_hours: { status: 'ENABLED', timezone_id: 'Europe/Lisbon' } }),
  ).toEqual([
    ['Calling', 'On'],
    ['Call button', null],
    ['Call hours', 'Limited (Europe/Lisbon)'],
    ['Asks for callbacks', null],
    ['SIP', null],
  ]);
  const restricted = { restrictions: { restrictions_list: [{ reason: 'Negative feedback' }] } };
  expect(settingsInWords(restricted).at(-1)).toEqual(['Restricted', 'Negative feedback']);
  expect(settingsInWords(null)[0]).toEqual(['Calling', null]);
});
