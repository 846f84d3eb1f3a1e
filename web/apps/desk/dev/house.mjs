/** What the pretended server knows of webhooks, numbers, events and figures. */

const now = Date.now();
const ago = (minutes) => new Date(now - minutes * 60_000).toISOString();

export const hooks = [
  {
    id: 'wh_1',
    url: 'https://crm.example.com/offhook/events',
    events: ['whatsapp.call.*', 'contact.*'],
    description: 'The CRM',
    dress: 'orbit',
    phone_number_id: null,
    active: true,
    disabled_reason: null,
    consecutive_failures: 0,
  },
  {
    id: 'wh_2',
    url: 'https://an-address-with-a-very-long-name.integration.example.org/hooks/incoming/7f3c21d9b0e84a55',
    events: ['*'],
    description: null,
    dress: 'orbit',
    phone_number_id: null,
    active: true,
    disabled_reason: null,
    consecutive_failures: 7,
  },
  {
    id: 'wh_3',
    url: 'https://bot.example.com/meta',
    events: ['*'],
    description: 'Old bot',
    dress: 'meta',
    phone_number_id: '470011223344556',
    active: false,
    disabled_reason: 'failing',
    consecutive_failures: 214,
  },
].map((hook) => Object.assign(hook, { created_at: ago(9_000), updated_at: ago(90) }));

function delivery(id, event_type, state, minutes, more) {
  return {
    id,
    event_id: `evt_${id}`,
    event_type,
    state,
    success: state === 'delivered',
    http_status: 200,
    response_time_ms: 34,
    attempts: 1,
    retry_count: 0,
    error: null,
    request_headers: { 'webhook-id': `evt_${id}`, 'webhook-timestamp': '1795000000', 'x-devotel-attempt': '1' },
    response_headers: { 'content-type': 'text/plain' },
    response_body: null,
    created_at: ago(minutes),
    last_attempt_at: ago(minutes),
    next_attempt_at: null,
    ...more,
  };
}

export const deliveries = [
  delivery('d1', 'whatsapp.call.completed', 'due', 3, {
    http_status: 503,
    response_time_ms: 1_204,
    attempts: 2,
    response_body: '<h1>Service Unavailable</h1>',
    next_attempt_at: ago(-4),
  }),
  delivery('d2', 'whatsapp.call.answered', 'delivered', 5),
  delivery('d3', 'whatsapp.call.recording_ready', 'dead', 2_100, {
    http_status: null,
    response_time_ms: 30_000,
    attempts: 7,
    error: 'the address did not answer in time',
    response_headers: null,
  }),
  delivery('d4', 'whatsapp.call.completed', 'waiting', 2, {
    http_status: null,
    response_time_ms: null,
    attempts: 0,
    request_headers: null,
    response_headers: null,
    last_attempt_at: null,
  }),
];

export const numbers = [
  ['num_1', '470011223344556', '+351210000001', 'bridge', false, 'stream'],
  ['num_2', '470011223344557', '+442070000001', 'relay', true, 'agents'],
  ['num_3', '470011223344558', '+14155550100', 'bridge', false, 'agents'],
].map(([id, phone_number_id, phone, media_mode, sandbox, inbound]) => ({
  id,
  phone_number_id,
  waba_id: '1209334455667',
  phone,
  media_mode,
  sandbox,
  inbound,
}));

const callingOf = {
  470011223344556: {
    status: 'ENABLED',
    call_icon_visibility: 'DEFAULT',
    call_hours: { status: 'ENABLED', timezone_id: 'Europe/Lisbon', weekly_operating_hours: [] },
    callback_permission_status: 'ENABLED',
    sip: { status: 'DISABLED' },
  },
  470011223344557: { status: 'DISABLED' },
};

export function calling(id, on) {
  const settings = callingOf[id];
  if (on !== undefined) settings.status = on ? 'ENABLED' : 'DISABLED';
  return {
    phone_number_id: id,
    calling_enabled: settings.status === 'ENABLED',
    country_code: id.endsWith('6') ? 'PT' : 'GB',
    updated_at: ago(3_000),
    settings,
  };
}

export const events = [
  ['whatsapp.call.completed', { contact_name: 'Rui Faria', from: '+351910000002', status: 'completed' }],
  ['whatsapp.call.dtmf', { call_id: 'wac_1', digit: '4' }],
  ['contact.updated', { contact_id: 'con_1' }],
  ['whatsapp.call.answered', { contact_name: '<img src=x onerror=alert(1)>', from: '+447700900123' }],
  ['agent.presence_updated', { agent_id: 'usr_1', presence: 'available', status: 'available' }],
].map(([type, data], at) => ({ id: `evt_${at}`, type, created_at: ago(at * 3 + 1), data }));

export function figures(days) {
  const trend = Array.from({ length: days }, (_, at) => {
    const day = new Date(now - (days - 1 - at) * 86_400_000);
    const quiet = day.getUTCDay() % 6 === 0;
    const [answered, missed] = quiet ? [at % 4, 1] : [18 + ((at * 7) % 13), 3 + ((at * 5) % 6)];
    const [declined, failed] = [at % 3, at % 5 === 0 ? 2 : 0];
    const total = answered + missed + declined + failed;
    const date = day.toISOString().slice(0, 10);
    return { date, total, answered, declined, missed, failed, duration_seconds: answered * 143, cost: '0.3' };
  });
  const sum = (name) => trend.reduce((total, day) => total + day[name], 0);
  return {
    window: { days, from: trend[0].date, to: trend.at(-1).date, timezone: 'Europe/Lisbon' },
    total: sum('total'),
    answered: sum('answered'),
    declined: sum('declined'),
    missed: sum('missed'),
    failed: sum('failed'),
    inbound: Math.round(sum('total') * 0.6),
    outbound: Math.round(sum('total') * 0.4),
    avg_duration_seconds: 142.6,
    total_duration_seconds: sum('duration_seconds'),
    total_cost: '84.2010',
    currency: 'USD',
    costs: [{ currency: 'USD', cost: '84.2010', provider_cost: '80.0000' }],
    trend,
  };
}
