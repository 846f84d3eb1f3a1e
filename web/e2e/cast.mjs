// Who plays in a scenario: desks of agents, phone pages of customers, and the simulator's buttons.

import { hears, hearsTones, listen, person, silence, until } from './browser.mjs';
import { Peer } from './peer.mjs';

export { until };

/** What an agent hears, as the desk's test hook gives it. */
const AGENT_HEARS = '() => window.offhook?.remoteStream(window.offhook.calls[0]?.id)';
/** What a customer at the phone page hears. */
const CUSTOMER_HEARS = '() => window.phone.remoteStream';

/** Everybody's microphone in scenarios of several people: customer, first and second agent. */
export const TONES = { customer: 900, ada: 600, ben: 1_150 };
const EVERYBODY = Object.values(TONES);

export class Cast {
  #people = [];

  constructor(stage) {
    this.stage = stage;
  }

  /** A desk, signed in unless told otherwise, with a microphone that plays `hz`. */
  async desk({ agent = 0, hz = 600, online = true, signedIn = true, ...options } = {}) {
    const who = await this.#person({ hz, ...options });
    const { email, password } = this.stage.agents[agent];
    await who.page.goto(`${this.stage.url}/`);
    if (!signedIn) return new Desk(who);
    await who.page.getByTestId('login-email').fill(email);
    await who.page.getByTestId('login-password').fill(password);
    await who.page.getByTestId('login-submit').click();
    const desk = new Desk(who);
    await desk.at('presence').first().waitFor();
    if (online) await desk.goOnline();
    return desk;
  }

  /** A customer's phone page in a browser of its own. */
  async phone({ number = '+447700900123', hz = 900, ...options } = {}) {
    const who = await this.#person({ hz, ...options });
    await who.page.goto(`${this.stage.sim_url}/phone?number=${encodeURIComponent(number)}`);
    const phone = new Phone(who);
    await phone.ready();
    return phone;
  }

  /** A browser of somebody who is neither. */
  async stranger(options = {}) {
    return this.#person(options);
  }

  /** A conversation the server carries, between a customer at the phone page and the first agent; the second waits. */
  async bridged({ second = true } = {}) {
    const [ada, ben, phone] = await Promise.all([
      this.desk({ agent: 0, hz: TONES.ada }),
      this.desk({ agent: 1, hz: TONES.ben, online: false }),
      this.phone({ hz: TONES.customer }),
    ]);
    await phone.calls(this.stage.bridged_number.display_phone);
    await ada.at('incoming-card').waitFor();
    await ada.answer();
    await ada.connected();
    await ada.hearsOnly(TONES.customer);
    await phone.hearsOnly(TONES.ada);
    if (second) await ben.goOnline();
    return { ada, ben, phone };
  }

  /** The WhatsApp side of the newest call saw one stream through it all, and it was ended as it should be. */
  async oneStream() {
    const heard = await this.heard(await this.newest());
    if (heard.ssrcs.length !== 1) throw new Error(`WhatsApp saw ${heard.ssrcs.length} streams`);
  }

  /** A request to the simulator's control door. */
  async control(method, path, body) {
    const reply = await fetch(`${this.stage.sim_url}/control${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`control ${method} ${path}: ${reply.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  /** Turns some of the simulator's knobs. */
  async knobs(changes) {
    await this.control('PUT', '/knobs', { ...(await this.control('GET', '/knobs')), ...changes });
  }

  /** A call from a simulated user to the business. */
  async callIn(from, options = {}) {
    return this.control('POST', '/calls', { from, to: this.stage.number.phone_number_id, ...options });
  }

  /** The simulator's newest call. */
  async newest() {
    return (await this.control('GET', '/calls')).calls[0];
  }

  /** What the phone of a simulated call has heard. */
  async heard(call) {
    return (await this.control('GET', `/calls/${call.id}`)).heard;
  }

  /** Waits until the phone of the newest simulated call hears a tone. */
  async tone(hz, ms) {
    return this.simulated(
      `the phone to hear ${hz} Hz`,
      async (call) => {
        const heard = await this.heard(call);
        return heard?.now_hz && Math.abs(heard.now_hz - hz) < 15;
      },
      ms,
    );
  }

  /** What crossed the socket of a simulated phone. */
  async wire(call) {
    return this.control('GET', `/calls/${call.id}/wire`);
  }

  /** Sends datagrams to the business from a simulated phone's own address. */
  async inject(call, datagrams) {
    const text = datagrams.map((datagram) => Buffer.from(datagram).toString('base64'));
    await this.control('POST', `/calls/${call.id}/wire`, { datagrams: text });
  }

  /** What the server has counted under a name, summed over its labels where they match. */
  async counted(name, label = '') {
    const text = await (await fetch(`${this.stage.url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(name) && line.includes(label));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  /** How often WhatsApp was asked for an action on a call. */
  async requests(action, call) {
    const log = await this.control('GET', '/graph-log');
    return log.requests.filter((request) => request.action === action && request.call === call.id).length;
  }

  /** Waits until the simulator's newest call satisfies `wanted`. */
  async simulated(what, wanted, ms) {
    let last;
    return until(
      what,
      async () => {
        last = await this.newest();
        return last && (await wanted(last)) ? last : undefined;
      },
      ms,
    ).catch((error) => {
      throw new Error(`${error.message}; the call is ${JSON.stringify(last)}`);
    });
  }

  /** The newest call as the Orbit face shows it. */
  async row() {
    const reply = await fetch(`${this.stage.url}/api/v1/whatsapp/calling/calls?limit=1`, {
      headers: { 'X-API-Key': this.stage.api_key },
    });
    return (await reply.json()).data[0];
  }

  /** Waits until the newest row satisfies `wanted`. */
  async rowThat(what, wanted, ms) {
    let last;
    return until(
      what,
      async () => {
        last = await this.row();
        return last && wanted(last) ? last : undefined;
      },
      ms,
    ).catch((error) => {
      throw new Error(`${error.message}; the row is ${JSON.stringify(last)}`);
    });
  }

  /** Starts a phone of another stack: the command line is the test's. */
  async peer(role, { to, srtp } = {}) {
    const { python, script, number, hz, hears: wants } = JSON.parse(process.env.PEER);
    const flags = [...(to ? ['--to', to] : []), ...(srtp ? ['--srtp', srtp] : [])];
    this.otherStack?.close();
    this.otherStack = new Peer(python, [script, this.stage.sim_url, number, role, `${hz}`, `${wants}`, ...flags]);
    await this.otherStack.event('ready');
    return this.otherStack;
  }

  async #person(options) {
    const who = await person(options);
    this.#people.push(who);
    return who;
  }

  /** Prints what the pages said, after a failure. */
  async testify() {
    for (const [n, who] of this.#people.entries()) {
      console.error(`page ${n} at ${who.page.url()}\n  ${who.log.slice(-40).join('\n  ')}`);
      if (process.env.E2E_SHOTS) await who.page.screenshot({ path: `${process.env.E2E_SHOTS}/${n}.png` });
    }
  }

  async close() {
    this.otherStack?.close();
    await Promise.all(this.#people.map((who) => who.close()));
  }
}

class Page {
  constructor(who) {
    this.who = who;
    this.page = who.page;
  }

  at(testId) {
    return this.page.getByTestId(testId);
  }

  async press(testId) {
    await this.at(testId).first().click();
  }

  async pressWhenReady(testId) {
    await until(`${testId} to be enabled`, () =>
      this.at(testId)
        .isEnabled({ timeout: 100 })
        .catch(() => false),
    );
    await this.press(testId);
  }

  /** Waits until an element says something. */
  async says(testId, text, ms = 15_000) {
    let last;
    await until(
      `${testId} to say ${text}`,
      async () => {
        last = await this.at(testId).first().textContent({ timeout: 200 }).catch(() => undefined);
        return last !== undefined && text.test(last);
      },
      ms,
    ).catch((error) => {
      throw new Error(`${error.message}; it said ${JSON.stringify(last)}`);
    });
    return last;
  }
}

export class Desk extends Page {
  /** What `record` listens to. */
  ear = AGENT_HEARS;

  async goOnline() {
    // A desk that was online before its page went is online again by itself.
    const settled = async () =>
      (await this.at('go-offline').isVisible()) ||
      this.at('go-online')
        .isEnabled({ timeout: 100 })
        .catch(() => false);
    await until('the desk to be ready', settled);
    if (await this.at('go-online').isVisible()) await this.press('go-online');
    await this.at('go-offline').waitFor();
  }

  async answer() {
    await this.press('answer');
  }

  async dial(number) {
    await this.at('dial-input').fill(number);
    await this.press('dial-call');
  }

  /** Dials from one of several business numbers. */
  async dialFrom(number, to) {
    await this.at('dial-from').selectOption(number.number_id);
    await this.dial(to);
  }

  async connected() {
    await this.says('call-state', /connected/i);
  }

  async hears(hz, ms) {
    return hears(this.page, AGENT_HEARS, hz, ms);
  }

  async hearsNothing(ms) {
    await silence(this.page, AGENT_HEARS, ms);
  }

  /** Waits until these tones are heard, all at once, and nobody else's. */
  async hearsOnly(...tones) {
    await hearsTones(this.page, AGENT_HEARS, tones, EVERYBODY.filter((hz) => !tones.includes(hz)));
  }

  /** Chooses a colleague who is free, or the queue, from a list that is open. */
  async choose(name, how) {
    const row = name === null ? this.at('to-queue') : this.page.locator(`[data-testid=colleague][data-name="${name}"]`);
    await row.getByTestId(how).and(this.page.locator(':enabled')).click();
  }

  /** What is said of everybody in the call. */
  async people() {
    return this.at('party').allTextContents();
  }

  /** Of which type the address is that the sound leaves from, of a desk with `relayOnly`. */
  async path() {
    return this.page.evaluate(async () => {
      const stats = await window.peers.findLast(({ connectionState }) => connectionState === 'connected')?.getStats();
      const entries = [...(stats?.values() ?? [])];
      const pair = entries.find(({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded');
      return entries.find(({ id }) => id === pair?.localCandidateId)?.candidateType;
    });
  }

  /** Waits until the desk is ready for the next call. */
  async free() {
    await until('the desk to be free', async () => (await this.at('hangup').count()) === 0);
  }

  async listen() {
    return listen(this.page, AGENT_HEARS);
  }
}

export class Phone extends Page {
  /** What `record` listens to. */
  ear = CUSTOMER_HEARS;

  async ready() {
    await this.page.waitForFunction(() => window.phone?.log.some(({ type }) => type === 'hello'));
  }

  async hears(hz, ms) {
    return hears(this.page, CUSTOMER_HEARS, hz, ms);
  }

  async hearsNothing(ms) {
    await silence(this.page, CUSTOMER_HEARS, ms);
  }

  /** Waits until these tones are heard, all at once, and nobody else's. */
  async hearsOnly(...tones) {
    await hearsTones(this.page, CUSTOMER_HEARS, tones, EVERYBODY.filter((hz) => !tones.includes(hz)));
  }

  /** Waits until there is music, and nobody's voice. */
  async hearsMusic() {
    await until('music', async () => (await listen(this.page, CUSTOMER_HEARS)).level > 0.003);
    await this.hearsOnly();
  }

  /** Calls a business number. */
  async calls(number) {
    await this.at('phone-to').fill(number);
    await this.press('phone-call');
  }

  /** Waits until the phone has no call. */
  async free() {
    await until('the phone to be free', async () => (await this.at('phone-hangup').isVisible()) === false);
  }

  /** Waits until something is heard, but not this tone: music, say. */
  async hearsOtherThan(hz) {
    await until(`something other than ${hz} Hz`, async () => {
      const heard = await listen(this.page, CUSTOMER_HEARS);
      return heard.level > 0.003 && Math.abs(heard.hz - hz) > 30;
    });
  }

  /** Waits for silence. */
  async goesQuiet() {
    await until('silence', async () => (await listen(this.page, CUSTOMER_HEARS)).level < 0.005);
    await silence(this.page, CUSTOMER_HEARS, 500);
  }
}
