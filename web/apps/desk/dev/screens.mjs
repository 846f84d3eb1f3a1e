/**
 * Pictures of the desk in every state worth looking at. `npm run screens -w @offhook/desk -- DIRECTORY [scene…]`
 * Fails when axe finds a fault, when the page complains, or when something is wider than the screen.
 */

import { createRequire } from 'node:module';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { chromium } from 'playwright-core';
import { preview } from 'vite';
import { callView, FakeServer, installPhone, table } from './fake.mjs';

const [directory, ...wanted] = process.argv.slice(2);
if (directory === undefined) throw new Error('name a directory for the pictures');
await mkdir(directory, { recursive: true });

const ana = { id: 'agt_1', name: 'Ana Costa' };
const bruno = { id: 'agt_2', name: 'Bruno Alves' };

function arranged(more = {}, view = {}) {
  const answered_at = new Date(Date.now() - 95_000).toISOString();
  return callView('in_1', 'inbound', 'connected', 'rui', { media: 'bridge', table: table(more), answered_at, ...view });
}

/** A bridged conversation with something arranged at it. */
async function conversation({ page, server }, more, view) {
  await scenes['in-bridged-call']({ page, server });
  server.event({ type: 'call.changed', call: arranged(more, view) });
  server.quality('in_1', 4.3);
  await page.getByTestId('transfer').waitFor();
}

const scenes = {
  async login({ page, server }) {
    server.signedIn = false;
    await page.goto('/');
    await page.getByTestId('login-email').fill('ana@example.com');
  },
  async 'login-error'({ page, server }) {
    await scenes.login({ page, server });
    await page.getByTestId('login-password').fill('wrong');
    await page.getByTestId('login-submit').click();
    await page.getByTestId('login-error').waitFor();
  },
  async away({ page }) {
    await page.goto('/');
    await page.getByTestId('recent-row').first().waitFor();
  },
  async online({ page, server }) {
    await scenes.away({ page, server });
    await page.getByTestId('go-online').click();
    await page.getByTestId('go-offline').waitFor();
    await page.getByTestId('dial-input').fill('+35191000');
  },
  async incoming({ page, server }) {
    await scenes.online({ page, server });
    await page.getByTestId('dial-input').fill('');
    const offer = await page.evaluate(() => window.phone.offer());
    server.event({ type: 'call.incoming', call: callView('in_1', 'inbound', 'ringing'), sdp_offer: offer });
    await page.getByTestId('incoming-card').waitFor();
  },
  async 'incoming-two'({ page, server }) {
    await scenes.incoming({ page, server });
    server.event({ type: 'call.incoming', call: callView('in_2', 'inbound', 'ringing', 'mei'), sdp_offer: 'x' });
    await page.getByTestId('incoming-card').nth(1).waitFor();
  },
  async 'taken-by'({ page, server }) {
    await scenes['incoming-two']({ page, server });
    const by = { id: 'agt_2', name: 'Bruno Alves' };
    server.event({ type: 'call.silenced', call_id: 'in_1', reason: 'answered_elsewhere', by });
    server.event({ type: 'call.silenced', call_id: 'in_2', reason: 'caller_gave_up' });
    await page.getByTestId('taken-by').waitFor();
  },
  async 'in-call'({ page, server }) {
    server.replies['call.accept'] = () => ({ call: callView('in_1', 'inbound', 'answering') });
    await scenes.incoming({ page, server });
    await page.getByTestId('answer').click();
    const { sdp } = await sent(server, 'call.accept');
    await page.evaluate((answer) => window.phone.takeAnswer(answer), sdp);
    server.event({ type: 'call.changed', call: callView('in_1', 'inbound', 'connected') });
    await page.getByTestId('quality-chip').getByText('Good').waitFor();
  },
  async 'in-call-quality'({ page, server }) {
    await scenes['in-call']({ page, server });
    await page.getByTestId('mute').click();
    await page.getByTestId('quality-chip').click();
  },
  async 'in-call-devices'({ page, server }) {
    await scenes['in-call']({ page, server });
    await page.getByTestId('device-menu').click();
  },
  async 'in-bridged-call'({ page, server }) {
    const bridged = (state, more) => callView('in_1', 'inbound', state, 'rui', { media: 'bridge', ...more });
    const answer = async ({ sdp }) => ({
      call: bridged('connected', { table: table() }),
      sdp_answer: await page.evaluate((offer) => window.phone.answer(offer), sdp),
    });
    server.replies['call.accept'] = answer;
    server.replies['call.attach'] = answer;
    server.replies['call.hold'] = () => ({ call: bridged('connected', { held: true, table: table() }) });
    await scenes.online({ page, server });
    await page.getByTestId('dial-input').fill('');
    server.event({ type: 'call.incoming', call: bridged('ringing') });
    await page.getByTestId('answer').click();
    await page.getByTestId('quality-chip').getByText('Good').waitFor();
  },
  async 'bridged-quality'({ page, server }) {
    await conversation({ page, server });
    // One point a second.
    for (const mos of [4.3, 3.4, 4.1, 4.3]) {
      server.quality('in_1', mos);
      await page.waitForTimeout(1_000);
    }
    await page.getByTestId('quality-chip').click();
    await page.getByTestId('quality-details').waitFor();
  },
  async keypad({ page, server }) {
    await conversation({ page, server });
    await page.getByTestId('keypad').click();
    for (const key of '123#') await page.getByTestId(`key-${key}`).click();
    for (const digit of '45') server.event({ type: 'call.digit', call_id: 'in_1', digit });
    await page.getByTestId('digits-heard').waitFor();
  },
  async transfer({ page, server }) {
    await conversation({ page, server });
    await page.getByTestId('transfer').click();
    await page.getByTestId('colleague').first().waitFor();
  },
  async 'ringing-a-colleague'({ page, server }) {
    await conversation({ page, server }, { seeking: { purpose: 'consult', agent: bruno } });
    await page.getByTestId('seeking').waitFor();
  },
  async consulting({ page, server }) {
    await conversation({ page, server }, { parties: [{ agent: bruno, role: 'consulted' }] });
    await page.getByTestId('consulting').waitFor();
  },
  async conference({ page, server }) {
    const parties = [
      { agent: bruno, role: 'member' },
      { agent: { id: 'agt_9', name: 'Sue Supervisor' }, role: 'whisperer' },
    ];
    const recording = { id: 'rec_1', state: 'recording' };
    await conversation({ page, server }, { parties, muted: [bruno.id], recording });
    await page.getByTestId('party').nth(3).waitFor();
  },
  async announcement({ page, server }) {
    const recording = { id: 'rec_1', state: 'announcing' };
    await conversation({ page, server }, { playing: 'we-record', recording });
    await page.getByTestId('announce').click();
    await page.getByTestId('stop-playing').waitFor();
  },
  async invited({ page, server }) {
    await scenes.online({ page, server });
    const call = arranged({ seeking: { purpose: 'consult', agent: ana } }, { agent: bruno });
    server.event({ type: 'call.incoming', call });
    await page.getByTestId('incoming-card').waitFor();
  },
  async parked({ page, server }) {
    const parked_at = new Date(Date.now() - 42_000).toISOString();
    server.snapshot.parked = [arranged({ parked_at }, { agent: null })];
    await scenes.online({ page, server });
    await page.getByTestId('parked-call').waitFor();
  },
  async transferred({ page, server }) {
    await conversation({ page, server });
    server.event({ type: 'call.left', call: arranged({}, { agent: bruno }), reason: 'transferred' });
    await page.getByTestId('end-reason').waitFor();
  },
  async board({ page, server }) {
    server.role = 'owner';
    server.live = [
      arranged({ recording: { id: 'rec_1', state: 'recording' } }, { agent: bruno }),
      { ...arranged({ parties: [{ agent: bruno, role: 'consulted' }] }, { agent: ana }), id: 'in_8', held: true },
    ];
    await scenes.online({ page, server });
    await page.getByTestId('live-call').nth(1).waitFor();
  },
  async supervising({ page, server }) {
    const seated = (role) => arranged({ parties: [{ agent: ana, role }] }, { agent: bruno });
    server.replies['call.supervise'] = async ({ sdp }) => ({
      call: seated('whisperer'),
      sdp_answer: await page.evaluate((offer) => window.phone.answer(offer), sdp),
    });
    await scenes.board({ page, server });
    await page.getByTestId('supervise-whisper').first().click();
    await page.getByTestId('quality-chip').getByText('Good').waitFor();
  },
  async 'on-hold'({ page, server }) {
    await scenes['in-bridged-call']({ page, server });
    await page.getByTestId('hold').click();
    await page.getByTestId('call-state').getByText('On hold').waitFor();
  },
  async 'after-reload'({ page, server }) {
    await scenes['in-bridged-call']({ page, server });
    const answered_at = new Date(Date.now() - 65_000).toISOString();
    const call = callView('in_1', 'inbound', 'connected', 'rui', { media: 'bridge', answered_at });
    server.snapshot.calls = [{ call }];
    await page.reload();
    await page.getByTestId('quality-chip').getByText('Good').waitFor();
  },
  async 'sound-elsewhere'({ page, server }) {
    const answered_at = new Date(Date.now() - 65_000).toISOString();
    server.snapshot.calls = [
      { call: callView('in_1', 'inbound', 'connected', 'mei', { media: 'bridge', answered_at }) },
    ];
    await page.goto('/');
    await page.getByTestId('attach').waitFor();
  },
  async 'bringing-sound-back'({ page, server }) {
    server.replies['call.attach'] = () => new Promise(() => undefined);
    await scenes['sound-elsewhere']({ page, server });
    await page.getByTestId('attach').click();
    await page.getByTestId('attach').getByText('Reconnecting').waitFor();
  },
  async calling({ page, server }) {
    server.replies['call.place'] = () => ({ call: callView('out_1', 'outbound', 'dialing', 'mei') });
    await scenes.online({ page, server });
    await page.getByTestId('dial-input').fill('+447700900123');
    await page.getByTestId('dial-call').click();
    await page.getByTestId('call-name').getByText('Mei').waitFor();
  },
  async 'no-permission'({ page, server }) {
    await scenes.calling({ page, server });
    const ended = callView('out_1', 'outbound', 'failed', 'mei', { end_reason: 'no_permission' });
    server.event({ type: 'call.ended', call: ended });
    await page.getByTestId('ask-permission').waitFor();
  },
  async 'permission-granted'({ page, server }) {
    await scenes['no-permission']({ page, server });
    await page.getByTestId('ask-permission').click();
    await page.getByTestId('permission-status').waitFor();
    server.event({ type: 'permission.changed', number_id: 'num_1', phone: '+447700900123', status: 'granted' });
    await page.getByTestId('call-again').waitFor();
  },
  async 'mic-error'({ page, server }) {
    await page.addInitScript(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
    });
    await scenes.incoming({ page, server });
    // Not by the mouse: to aim, it may scroll the page itself.
    await page.getByTestId('answer').dispatchEvent('click');
    await page.getByTestId('mic-error').waitFor();
    const scrolled = await page.evaluate(() => scrollY);
    if (scrolled > 0) throw new Error(`the banner scrolls the call ${scrolled} px out of sight`);
  },
  async reconnecting({ page, server }) {
    await scenes.online({ page, server });
    await page.route('**/softphone/tokens', (route) => route.abort());
    server.drop();
    await page.getByTestId('connection-banner').waitFor();
  },
  async shortcuts({ page, server }) {
    await scenes.away({ page, server });
    await page.keyboard.press('?');
  },
  async keys({ page, server }) {
    server.role = 'owner';
    await page.goto('/keys');
    await page.getByTestId('key').nth(3).waitFor();
  },
  async 'new-key'({ page, server }) {
    await scenes.keys({ page, server });
    await page.getByTestId('new-key').click();
    await page.getByTestId('key-name').fill('Reports');
  },
  async 'key-made'({ page, server }) {
    await scenes['new-key']({ page, server });
    await page.getByTestId('make-key').click();
    await page.getByTestId('secret').waitFor();
  },
  async 'key-addresses'({ page, server }) {
    await scenes.keys({ page, server });
    await page.getByLabel('Addresses of CRM').click();
    await page.getByTestId('addresses').waitFor();
  },
  async 'revoke-key'({ page, server }) {
    await scenes.keys({ page, server });
    await page.getByTestId('revoke-key').first().click();
    await page.getByTestId('sure').waitFor();
  },
  async numbers({ page, server }) {
    server.role = 'owner';
    await page.goto('/');
    await page.getByTestId('to-settings').click();
    await page.getByTestId('switch-calling').nth(1).waitFor();
    await page.getByTestId('number-trouble').waitFor();
    await page.getByText('What WhatsApp says').first().click();
  },
  async 'number-bot'({ page, server }) {
    await scenes.numbers({ page, server });
    await page.getByTestId('taker').last().selectOption('stream');
    await page.getByTestId('bot-address').fill('wss://10.0.0.7/calls');
    await page.getByTestId('save-bot').click();
    await page.getByTestId('taker-trouble').waitFor();
  },
  async webhooks({ page, server }) {
    server.role = 'owner';
    await page.goto('/hooks');
    await page.getByTestId('last-failure').first().waitFor();
  },
  async 'new-webhook'({ page, server }) {
    await scenes.webhooks({ page, server });
    await page.getByTestId('new-hook').click();
    await page.getByTestId('hook-url').fill('https://127.0.0.1/hook');
    await page.getByTestId('topic-all').click();
    await page.getByTestId('topic-contact.*').click();
    await page.getByTestId('save-hook').click();
    await page.getByTestId('hook-problem').scrollIntoViewIfNeeded();
  },
  async webhook({ page, server }) {
    await scenes.webhooks({ page, server });
    await page.getByText('crm.example.com').click();
    await page.getByTestId('test-hook').click();
    await page.getByTestId('test-result').getByText('has arrived').waitFor();
    await page.locator('[data-state=dead] summary').click();
  },
  async 'webhook-secret'({ page, server }) {
    await scenes.webhook({ page, server });
    await page.getByTestId('rotate-hook').click();
    await page.getByTestId('sure').click();
    await page.getByTestId('overlap').waitFor();
  },
  async 'webhook-replay'({ page, server }) {
    await scenes.webhook({ page, server });
    await page.getByTestId('replay').click();
    await page.getByTestId('replay-what').selectOption('time');
    await page.getByTestId('replay-go').click();
    await page.getByTestId('replayed').waitFor();
  },
  async events({ page, server }) {
    server.role = 'developer';
    await page.goto('/events');
    await page.getByTestId('event').nth(3).click();
  },
  async figures({ page, server }) {
    server.role = 'owner';
    await page.goto('/');
    await page.getByTestId('to-figures').click();
    await page.getByTestId('kpi').nth(4).waitFor();
    await page.getByText('In numbers').click();
  },
  async contacts({ page, server }) {
    server.role = 'owner';
    await page.goto('/');
    await page.getByTestId('to-contacts').click();
    await page.getByTestId('contact').nth(5).waitFor();
    if (await page.evaluate(() => window.harmed)) throw new Error('a name did harm');
  },
  async contact({ page, server }) {
    await scenes.contacts({ page, server });
    await page.getByText('Rui Faria').click();
    await page.getByTestId('activity').first().waitFor();
    await page.getByTestId('tag').first().waitFor();
  },
  async 'contact-with-markup'({ page, server }) {
    server.role = 'owner';
    await page.goto('/contacts#con_3');
    await page.getByTestId('activity').first().waitFor();
    await page.getByTestId('erase-contact').click();
    await page.getByTestId('erase-words').waitFor();
    if (await page.evaluate(() => window.harmed)) throw new Error('a name did harm');
  },
  async 'add-contact'({ page, server }) {
    await scenes.contacts({ page, server });
    await page.getByTestId('add-contact').click();
    await page.getByTestId('first-name').fill('Rui');
    await page.getByTestId('contact-phone').fill('+351 910 000 002');
    await page.getByTestId('add-field').click();
    await page.getByTestId('save-contact').click();
    await page.getByTestId('contact-problem').scrollIntoViewIfNeeded();
  },
  async 'merge-contacts'({ page, server }) {
    await scenes.contact({ page, server });
    await page.getByTestId('merge-contact').click();
    await page.getByTestId('merge-search').fill('mei');
    await page.getByTestId('merge-other').first().click();
    await page.getByTestId('merge-sure').waitFor();
  },
  async segment({ page, server }) {
    server.role = 'owner';
    await page.goto('/segments');
    await page.getByTestId('new-segment').click();
    await page.getByTestId('segment-name').fill('Customers since May');
    await page.getByTestId('rule-value').fill('customer');
    await page.getByTestId('add-line').click();
    await page.getByTestId('rule-value').nth(1).fill('vip');
    await page.getByTestId('preview').getByText('1204 contacts').waitFor();
  },
  async 'segment-wrong'({ page, server }) {
    await scenes.segment({ page, server });
    await page.getByTestId('by-hand').click();
    await page.getByTestId('written-rules').fill('{"$and":[{"created_at":{"$gt":"2026-13-01"}}]}');
    await page.getByTestId('preview').getByText('must be a date').waitFor();
  },
  async list({ page, server }) {
    server.role = 'owner';
    await page.goto('/lists');
    await page.getByText('Autumn fair').click();
    await page.getByTestId('contact').first().waitFor();
  },
  async imports({ page, server }) {
    server.role = 'owner';
    await page.goto('/imports');
    await page.getByTestId('rejected').first().waitFor();
  },
  async people({ page, server }) {
    await scenes.keys({ page, server });
    await page.getByTestId('tab-people').click();
    await page.getByTestId('person').nth(2).waitFor();
  },
  async 'add-person'({ page, server }) {
    await scenes.people({ page, server });
    await page.getByTestId('add-person').click();
    await page.getByTestId('person-name').fill('Bruno Alves');
    await page.getByTestId('person-email').fill('bruno@example.com');
    await page.getByTestId('save-person').click();
    await page.getByTestId('add-problem').waitFor();
  },
  async 'remove-person'({ page, server }) {
    await scenes.people({ page, server });
    await page.getByTestId('remove-person').first().click();
    await page.getByTestId('sure').waitFor();
  },
  async audit({ page, server }) {
    await scenes.keys({ page, server });
    await page.getByTestId('tab-audit').click();
    await page.getByTestId('audit-entry').first().waitFor();
  },
  async password({ page }) {
    await page.goto('/password');
    await page.getByTestId('new-password').waitFor();
  },
  async 'settings-while-it-rings'({ page, server }) {
    await scenes.online({ page, server });
    await page.getByTestId('to-settings').click();
    await page.locator('h1', { hasText: 'Settings' }).waitFor({ state: 'attached' });
    server.event({ type: 'call.incoming', call: callView('in_1', 'inbound', 'ringing'), sdp_offer: 'x' });
    await page.getByTestId('incoming-card').waitFor();
  },
  async 'bad-number'({ page, server }) {
    await scenes.away({ page, server });
    await page.getByTestId('dial-input').fill('0910000002');
  },
};

/** What a scene's console may say: the browser reports every answer that is an error. */
const expected = {
  login: /401/,
  'login-error': /401/,
  'add-person': /409/,
  'add-contact': /409/,
  'segment-wrong': /422/,
  'new-webhook': /422/,
  numbers: /422/,
  'number-bot': /422/,
  reconnecting: /Failed to load resource/,
};

async function sent(server, type) {
  for (;;) {
    const message = server.received.find((each) => each.type === type);
    if (message) return message;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A small phone, a usual one, and a desk. */
const screens = [
  { width: 360, height: 740, phone: true },
  { width: 390, height: 844, phone: true },
  { width: 1440, height: 900, phone: false },
];

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const site = await preview({ preview: { host: '127.0.0.1', port: 0 }, logLevel: 'error' });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--no-first-run'],
});

/** What is wrong with a scene on a screen. */
async function photograph(name, { width, height, phone }, colorScheme) {
  const faults = [];
  const context = await browser.newContext({
    baseURL: site.resolvedUrls.local[0],
    viewport: { width, height },
    colorScheme,
    hasTouch: phone,
    isMobile: phone,
  });
  try {
    const page = await context.newPage();
    page.on('pageerror', (error) => faults.push(`page error: ${error.message}`));
    page.on('console', (line) => {
      if (line.type() === 'error' && !(expected[name] ?? /^$/).test(line.text()))
        faults.push(`console: ${line.text()}`);
    });
    await page.addInitScript(installPhone);
    const server = new FakeServer();
    await server.install(page);
    await scenes[name]({ page, server });
    await page.addScriptTag({ path: axe });
    const { violations } = await page.evaluate(() => window.axe.run());
    for (const { id, nodes } of violations) faults.push(`axe ${id}: ${nodes.map(({ html }) => html).join(' · ')}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) faults.push(`wider than the screen by ${wide} px`);
    await page.screenshot({ path: `${directory}/${name}-${width}-${colorScheme}.png`, animations: 'disabled' });
  } catch (error) {
    faults.push(error.message);
  } finally {
    await context.close();
  }
  return faults.map((fault) => `${name} at ${width}, ${colorScheme}: ${fault}`);
}

/**
 * Every scene on every screen, each in light or in dark: colours do not depend on the width, so the two take turns.
 * Scenes that are named are looked at in all six ways.
 */
const ways = (turn) =>
  screens.flatMap((screen, at) =>
    (wanted.length > 0 ? ['light', 'dark'] : [(at + turn) % 2 === 0 ? 'light' : 'dark']).map((colors) => [
      screen,
      colors,
    ]),
  );

// Scenes wait more than they work, so a dozen are played at a time; a machine with few cores plays fewer.
const shots = (wanted.length > 0 ? wanted : Object.keys(scenes)).flatMap((name, turn) =>
  ways(turn).map(
    ([screen, colors]) =>
      () =>
        photograph(name, screen, colors),
  ),
);
const faults = [];
async function play() {
  for (let next = shots.shift(); next !== undefined; next = shots.shift()) faults.push(...(await next()));
}
try {
  await Promise.all(Array.from({ length: Math.min(12, 4 * availableParallelism()) }, play));
} finally {
  await browser.close();
  await site.close();
}
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exit(1);
