/** Contacts of the pretended server, some of whom mean harm. */

const now = Date.now();
const ago = (minutes) => new Date(now - minutes * 60_000).toISOString();

/** Names that strangers chose for themselves. */
const hostile = {
  markup: '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>',
  rtl: 'مريم \u202Eالعلي',
  emoji: '👩🏽‍🚀 Zoë 🇵🇹',
};

function contact(id, first_name, last_name, phone, more = {}) {
  return {
    id,
    phone,
    email: null,
    first_name,
    last_name,
    profile_name: null,
    country_code: 'PT',
    lifecycle_stage: null,
    tags: [],
    metadata: {},
    preferences: {},
    created_at: ago(90_000),
    updated_at: ago(100),
    ...more,
  };
}

const contacts = [
  contact('con_1', 'Rui', 'Faria', '+351910000002', {
    other_phones: ['+351910000044', '+447700900144'],
    email: 'rui.faria@harbour-logistics.example',
    lifecycle_stage: 'customer',
    tags: ['vip', 'harbour', 'invoices', 'portuguese'],
    metadata: { company: 'Harbour Logistics', seats: 12, plan: 'yearly' },
    preferences: { voice: true, email: false },
    profile_name: 'Rui 🌊',
  }),
  contact('con_2', 'Mei Lin', 'Okonkwo-Bartholomew', '+447700900123', {
    lifecycle_stage: 'lead',
    tags: ['press'],
    metadata: { company: 'Okonkwo & Bartholomew Ltd' },
  }),
  contact('con_3', hostile.markup, null, '+4915112345678', {
    tags: ['<b>bold</b>'],
    metadata: { '<i>key</i>': '<svg onload=window.harmed=1>' },
    email: '"><script>window.harmed=1</script>@example.com',
  }),
  contact('con_4', hostile.rtl, null, '+971500000001', { lifecycle_stage: 'churned' }),
  contact('con_5', null, null, null, { profile_name: hostile.emoji }),
  contact('con_6', null, null, '+5511998765432'),
];

const activity = [
  { type: 'call.completed', call_id: 'c1', direction: 'inbound', text: null, author_id: null, timestamp: ago(40) },
  {
    type: 'note',
    call_id: null,
    direction: null,
    text: 'Wants the invoice in English.',
    author_id: 'a',
    timestamp: ago(300),
  },
  { type: 'call.missed', call_id: 'c2', direction: 'inbound', text: null, author_id: null, timestamp: ago(2_000) },
  { type: 'call.completed', call_id: 'c3', direction: 'outbound', text: null, author_id: null, timestamp: ago(9_000) },
];

const lists = [
  {
    id: 'lst_1',
    name: 'Autumn fair',
    description: 'Who left a card at our stand',
    member_count: 2,
    created_at: ago(9),
  },
  { id: 'lst_2', name: hostile.markup, description: null, member_count: 0, created_at: ago(8) },
];

const segments = [
  {
    id: 'seg_1',
    name: 'Customers in Portugal',
    rules: { $and: [{ lifecycle_stage: { $eq: 'customer' } }, { country_code: { $eq: 'PT' } }] },
    contact_count: 1_204,
    created_at: ago(9),
  },
];

const imports = [
  ['imp_2', 'running', 20_000, 8_400, 8_100, 120, 178, 2],
  ['imp_1', 'completed', 1_250, 1_250, 1_100, 120, 27, 3],
  ['imp_0', 'failed', 0, 0, 0, 0, 0, 0],
].map(([id, status, total, processed, created, updated, unchanged, rejected], at) => ({
  id,
  import_id: id,
  status,
  total,
  processed,
  created,
  updated,
  unchanged,
  rejected,
  rejected_url: rejected > 0 ? `/api/v1/contacts/imports/${id}/rejected` : null,
  created_at: ago(at * 400 + 1),
  updated_at: ago(at * 400),
}));

/** Answers about contacts: status and body, undefined when it is about something else. */
export function answer(method, path, query, body) {
  const one = (data, status = 200) => [status, { data, meta: {} }];
  const page = (rows) => [200, { data: rows, meta: { pagination: { cursor: null, total: rows.length } } }];
  const at = path.split('/contacts')[1];
  if (at === undefined) return undefined;
  if (at === '' && method === 'POST') {
    const taken = contacts.find(({ phone }) => phone === body.phone);
    if (taken === undefined) return one({ ...contacts[5], ...body, id: 'con_9' }, 201);
    const error = { code: 'CONTACT_EXISTS', message: 'a contact with this phone number exists already' };
    return [409, { error: { ...error, details: { field: 'phone', contact_id: taken.id } } }];
  }
  if (at === '') {
    const search = (query.get('search') ?? '').toLowerCase();
    return page(contacts.filter((row) => JSON.stringify(row).toLowerCase().includes(search)));
  }
  if (at === '/optouts') return page(contacts.slice(0, 1));
  if (at === '/import') return one(imports[0], 202);
  if (at === '/imports') return page(imports);
  if (at === '/lists') return method === 'POST' ? one({ ...lists[1], ...body }, 201) : page(lists);
  if (at.endsWith('/members')) return page(contacts.slice(0, 2));
  if (at === '/segments') return method === 'POST' ? one({ ...segments[0], ...body }, 201) : page(segments);
  if (at === '/segments/preview') {
    const wrong = body.rules.$and?.findIndex((line) => line.created_at?.$gt === '2026-13-01');
    if (wrong === undefined || wrong < 0) return one({ contact_count: 1_204, contacts: contacts.slice(0, 3) });
    const field = `rules.$and[${wrong}].created_at.$gt`;
    return [422, { error: { code: 'VALIDATION_ERROR', message: `${field}: must be a date`, details: { field } } }];
  }
  if (at.endsWith('/contacts')) return page(contacts.slice(0, 2));
  if (at === '/merge') return one(contacts[0]);
  if (at.endsWith('/activity')) return page(activity);
  const row = contacts.find(({ id }) => at.startsWith(`/${id}`)) ?? contacts[0];
  if (at.endsWith('/tags')) return one({ id: row.id, tags: [...row.tags, ...body.tags] });
  if (at.endsWith('/preferences')) return one({ id: row.id, preferences: { ...row.preferences, ...body.preferences } });
  if (at.endsWith('/notes')) return one({ ...activity[1], ...body }, 201);
  if (method === 'DELETE') return [204, null];
  return one(method === 'PUT' ? { ...row, ...body } : row);
}
