/**
 * A pretended server for looking at the desk without one: answers REST and the socket of a Playwright page
 * with canned data. For development only; the real doors are proven elsewhere.
 */

import * as house from './house.mjs';
import { answer as contacts } from './people.mjs';

const number = { id: 'num_1', phone: '+351210000001', media: 'bridge' };
const second = { id: 'num_2', phone: '+442070000001', media: 'relay' };
const agent = { id: 'agt_1', name: 'Ana Costa' };
const peers = {
  rui: { phone: '+351910000002', name: 'Rui Faria', contact_id: 'con_1' },
  mei: { phone: '+447700900123', name: 'Mei Lin Okonkwo-Bartholomew' },
};

const now = Date.now();
const ago = (minutes) => new Date(now - minutes * 60_000).toISOString();

function row(id, direction, status, minutes, more = {}) {
  const { peer = '+351910000002', ...fields } = more;
  const [from_phone, to_phone] = direction === 'inbound' ? [peer, number.phone] : [number.phone, peer];
  return {
    id,
    phone_number_id: '470011223344556',
    direction,
    status,
    end_reason: null,
    from_phone,
    to_phone,
    contact_name: null,
    answered_at: null,
    duration_seconds: null,
    created_at: ago(minutes),
    ...fields,
  };
}

const log = [
  row('c1', 'inbound', 'completed', 4, { contact_name: 'Rui Faria', duration_seconds: 185 }),
  row('c2', 'outbound', 'failed', 22, { peer: '+447700900123', end_reason: 'no_permission' }),
  row('c3', 'inbound', 'missed', 61, { contact_name: 'Mei Lin Okonkwo-Bartholomew', peer: '+447700900123' }),
  row('c4', 'outbound', 'completed', 190, { peer: '+4915112345678', duration_seconds: 42 }),
  row('c5', 'outbound', 'missed', 1_500, {
    contact_name: 'João Marques',
    peer: '+5511998765432',
    end_reason: 'no_answer',
  }),
  row('c6', 'inbound', 'completed', 2_900, {
    contact_name: 'Aisha Rahman',
    peer: '+919876543210',
    duration_seconds: 3_912,
  }),
  row('c7', 'inbound', 'missed', 9_000, { peer: null, contact_name: 'Somebody without a number' }),
];

export function callView(id, direction, state, who = 'rui', more = {}) {
  return {
    id,
    direction,
    state,
    media: 'relay',
    held: false,
    number,
    peer: peers[who],
    agent: direction === 'inbound' && state === 'ringing' ? null : agent,
    created_at: ago(1),
    ringing_at: null,
    answered_at: null,
    ended_at: null,
    duration_seconds: null,
    end_reason: null,
    error: null,
    ...more,
  };
}

const colleagues = [
  { agent: { id: 'agt_2', name: 'Bruno Alves' }, free: true },
  { agent: { id: 'agt_3', name: 'Carla Nunes' }, free: false },
  { agent: { id: 'agt_4', name: 'Dmitri Volkov-Sokolovsky' }, free: true },
];

export function table(more = {}) {
  return { parties: [], muted: [], seeking: null, parked_at: null, playing: null, recording: null, ...more };
}

function apiKey(id, name, more) {
  return {
    id,
    name,
    type: 'secret',
    mode: 'live',
    role: 'developer',
    scopes: ['calls:read'],
    allowed_ips: null,
    expires_at: ago(-60 * 24 * 300),
    expires_soon: false,
    last_used_at: ago(7),
    status: 'active',
    ...more,
  };
}

const keys = [
  apiKey('key_1', 'CRM', {
    scopes: ['calls:read', 'calls:write'],
    allowed_ips: ['198.51.100.7', '2001:db8:40::/48'],
  }),
  apiKey('key_2', 'Wall board in the hall of the third floor', {
    type: 'public',
    role: 'viewer',
    expires_at: ago(-60 * 24 * 9),
    expires_soon: true,
    last_used_at: null,
  }),
  apiKey('key_3', 'Trying things', { mode: 'test', role: 'admin', scopes: ['*'], expires_at: null }),
  apiKey('key_4', 'Old CRM', { status: 'revoked' }),
];

const people = [
  { id: 'agt_1', name: 'Ana Costa', email: 'ana@example.com', role: 'owner' },
  { id: 'agt_2', name: 'Bruno Alves', email: 'bruno@example.com', role: 'agent' },
  { id: 'agt_4', name: 'Dmitri Volkov-Sokolovsky', email: 'dmitri.volkov-sokolovsky@example.com', role: 'admin' },
];

const audit = [
  ['api_key.created', 'person', 'Ana Costa', { name: 'CRM', role: 'developer', scopes: ['calls:read'] }],
  ['api_key.allowed_ips_violation', 'key', 'CRM', null],
  ['person.changed', 'person', 'Dmitri Volkov-Sokolovsky', { role: 'agent' }],
  ['session.refused', 'stranger', null, null],
  ['person.owner_reset', 'operator', null, { email: 'ana@example.com', role: 'owner', password: 'changed' }],
].map(([action, type, name, after], at) => ({
  seq: 40 - at,
  at: ago(at * 45 + 2),
  actor: { type, name },
  action,
  object: null,
  before: action === 'person.changed' ? { role: 'viewer' } : null,
  after,
  address_hash: '9f2c41d07be3a685',
  address: at % 2 === 0 ? '198.51.100.7' : undefined,
}));

export class FakeServer {
  signedIn = true;
  role = 'agent';
  colleagues = colleagues;
  live = [];
  snapshot = { presence: 'away', numbers: [number, second], ringing: [], calls: [], parked: [] };
  /** Reply to a command by its type, perhaps later; by default an ack. */
  replies = {};
  received = [];
  #seq = 0;
  #socket = null;

  async install(page) {
    await page.route('**/api/v1/**', (route) => this.#rest(route));
    await page.routeWebSocket('**/ws', (socket) => {
      this.#socket = socket;
      socket.onMessage((text) => this.#handle(JSON.parse(text)));
    });
  }

  event(event) {
    this.#say({ type: 'event', seq: ++this.#seq, at: new Date().toISOString(), event });
  }

  /** How the customer's leg goes. */
  quality(call_id, mos) {
    const more = { loss_in: 0.012, loss_out: 0, jitter_ms: 7.4, rtt_ms: 86, candidate: 'host', first_audio_ms: 90 };
    this.#say({ type: 'call.quality', call_id, quality: { mos, codec: 'opus', ...more } });
  }

  drop() {
    void this.#socket.close({ code: 1012 });
    this.#socket = null;
  }

  #say(message) {
    this.#socket?.send(JSON.stringify(message));
  }

  async #handle(message) {
    this.received.push(message);
    if (message.type === 'hello') {
      const welcome = {
        agent,
        seq: this.#seq,
        resumed: false,
        heartbeat_ms: 25_000,
        ice_servers: [],
        snapshot: this.snapshot,
      };
      return this.#say({ type: 'welcome', ...welcome });
    }
    if (message.type === 'presence.set') this.snapshot.presence = message.status;
    if (message.type === 'ping') return this.#say({ type: 'pong', id: message.id });
    if (message.type === 'colleagues.list') {
      return this.#say({ type: 'colleagues', id: message.id, colleagues: this.colleagues, live: this.live });
    }
    const reply = (await this.replies[message.type]?.(message)) ?? {};
    this.#say({ type: reply.error ? 'error' : 'ack', id: message.id, ...reply });
  }

  #settings(route, path, json) {
    const method = route.request().method();
    const one = (data) => json(200, { data, meta: {} });
    if (method === 'DELETE') return route.fulfill({ status: 204 });
    if (path.endsWith('/rotate') || (path.endsWith('/api-keys') && method === 'POST')) {
      return json(201, { data: { key: `wab_live_sk_${'7Xq2Lm9'.repeat(10)}0` } });
    }
    if (path.endsWith('/people') && method === 'POST') {
      const { email } = route.request().postDataJSON();
      const taken = { code: 'ALREADY_EXISTS', message: 'somebody signs in with this address already' };
      return email === 'bruno@example.com'
        ? json(409, { error: taken })
        : json(201, { data: { password: 'k7m2p-x9q4r' } });
    }
    if (path.endsWith('/api-keys')) return one(keys);
    if (path.endsWith('/people')) return one(people);
    if (path.endsWith('/audit')) return json(200, { data: audit, meta: { pagination: { cursor: 'cur_1' } } });
    return one({});
  }

  /** Webhooks, numbers, events and figures. Undefined: something else. */
  #house(route, path, json) {
    const request = route.request();
    const method = request.method();
    const one = (data, status = 200) => json(status, { data, meta: {} });
    const list = (data) => json(200, { data, meta: { pagination: { cursor: null, has_more: false, total: null } } });
    if (path.endsWith('/events/stream')) {
      return route.fulfill({ contentType: 'text/event-stream', body: ': ping\n\nretry: 60000\n\n' });
    }
    if (path.endsWith('/events')) return list(house.events);
    if (path.endsWith('/analytics')) {
      return one(house.figures(Number(new URL(request.url()).searchParams.get('days'))));
    }
    const body = (request.headers()['content-type'] ?? '').includes('json') ? request.postDataJSON() : null;
    const [status, answer] = contacts(method, path, new URL(request.url()).searchParams, body) ?? [];
    if (status === 204) return route.fulfill({ status });
    if (status !== undefined) return json(status, answer);
    if (path.endsWith('/calling/numbers')) return list(house.numbers);
    if (path.includes('/calling/numbers/')) {
      const number = house.numbers.find((row) => path.endsWith(row.phone_number_id));
      const { inbound_stream, media_mode = number.media_mode } = request.postDataJSON();
      if (inbound_stream?.startsWith('wss://10.')) {
        const message = 'this address is in a private network';
        return json(422, { error: { code: 'VALIDATION_ERROR', message, details: { field: 'inbound_stream' } } });
      }
      const inbound = inbound_stream === undefined ? number.inbound : inbound_stream ? 'stream' : 'agents';
      return one({ ...number, media_mode, inbound });
    }
    const [, id, verb] = path.match(/connections\/(\d+)\/calling(?:\/(\w+))?$/) ?? [];
    if (id === '470011223344558') {
      const error = { code: 'WHATSAPP_CALLING_TOKEN_INVALID', message: 'WhatsApp refused the access token' };
      return json(422, { error, meta: { docs_url: '/docs/errors/WHATSAPP_CALLING_TOKEN_INVALID' } });
    }
    if (id !== undefined) return one(house.calling(id, verb && verb === 'enable'));
    if (path.endsWith('/webhooks')) {
      const wanted = method === 'POST' ? request.postDataJSON() : null;
      if (wanted === null) return list(house.hooks);
      const error = { code: 'INVALID_WEBHOOK_URL', message: 'this address is in a private network' };
      if (wanted.url.includes('127.0.0.1')) return json(422, { error: { ...error, details: { field: 'url' } } });
      return one({ ...house.hooks[0], ...wanted, signing_secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }, 201);
    }
    const hook = house.hooks.find((row) => path.includes(`/webhooks/${row.id}`));
    if (hook === undefined) return undefined;
    if (path.endsWith('/deliveries')) return list([...(this.tested ?? []), ...house.deliveries]);
    if (path.endsWith('/test')) {
      const fresh = {
        id: 'd0',
        event_id: 'evt_test',
        event_type: 'webhook.test',
        created_at: new Date().toISOString(),
      };
      this.tested = [{ ...house.deliveries[1], ...fresh }];
      return one({ event_id: 'evt_test', type: 'webhook.test' }, 202);
    }
    if (path.endsWith('/rotate-secret')) {
      const signing_secret = 'whsec_bmV3IHNlY3JldCBvZiB0aGUgd2ViaG9vaw';
      return one({ signing_secret, previous_secret_expires_at: ago(-24 * 60) });
    }
    if (path.endsWith('/replay')) return one({ deliveries: 12, rest_since: null }, 202);
    if (method === 'DELETE') return route.fulfill({ status: 204 });
    return one(method === 'PUT' ? { ...hook, ...request.postDataJSON() } : hook);
  }

  #rest(route) {
    const path = new URL(route.request().url()).pathname;
    const json = (status, body) => route.fulfill({ status, json: body });
    const me = { data: { agent: { ...agent, email: 'ana@example.com', role: this.role } } };
    if (path.endsWith('/auth/me'))
      return this.signedIn ? json(200, me) : json(401, { error: { code: 'unauthorized' } });
    if (path.endsWith('/auth/login')) {
      const { password } = route.request().postDataJSON();
      if (password === 'wrong') return json(401, { error: { code: 'invalid_credentials', message: 'no' } });
      this.signedIn = true;
      return json(200, me);
    }
    if (path.endsWith('/auth/logout')) return route.fulfill({ status: 204 });
    if (path.endsWith('/softphone/tokens')) {
      return this.signedIn ? json(201, { data: { token: 'ticket', agent } }) : json(401, { error: {} });
    }
    const answer = this.#house(route, path, json);
    if (answer !== undefined) return answer;
    if (path.endsWith('/calling/calls')) return json(200, { data: log, meta: { pagination: { has_more: false } } });
    if (path.includes('/settings/')) return this.#settings(route, path, json);
    if (path.endsWith('/auth/password')) return route.fulfill({ status: 204 });
    return json(404, { error: { code: 'not_found', message: path } });
  }
}

/** A WhatsApp phone inside the page: `window.phone.offer()` and `.answer(sdp)` with a 440 Hz tone. */
export function installPhone() {
  const gathered = async (peer) => {
    while (peer.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 20));
    return peer.localDescription.sdp;
  };
  const create = () => {
    const peer = new RTCPeerConnection();
    const context = new AudioContext();
    const tone = new OscillatorNode(context, { frequency: 440 });
    const outlet = new MediaStreamAudioDestinationNode(context);
    tone.connect(outlet);
    tone.start();
    peer.addTrack(outlet.stream.getTracks()[0]);
    return peer;
  };
  window.phone = {
    async offer() {
      this.peer = create();
      await this.peer.setLocalDescription();
      return gathered(this.peer);
    },
    takeAnswer(sdp) {
      return this.peer.setRemoteDescription({ type: 'answer', sdp });
    },
    async answer(sdp) {
      this.peer = create();
      await this.peer.setRemoteDescription({ type: 'offer', sdp });
      await this.peer.setLocalDescription();
      return gathered(this.peer);
    },
  };
}
