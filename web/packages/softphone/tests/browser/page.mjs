/**
 * Runs inside the page: a scripted server behind the softphone's socket, and a WhatsApp phone made of a
 * second RTCPeerConnection whose descriptions are dressed as Meta's.
 */

import { browserEnvironment, Device } from '/dist/index.js';

const number = { id: 'num_1', phone: '+351210000001', media: 'relay' };
const agent = { id: 'agt_1', name: 'Ana' };

export function view(id, direction, state, more = {}) {
  const at = '2026-11-02T09:00:00Z';
  return {
    id,
    direction,
    state,
    media: 'relay',
    held: false,
    number,
    peer: { phone: '+351910000002', name: 'Rui Faria' },
    agent: state === 'ringing' && direction === 'inbound' ? null : agent,
    created_at: at,
    ringing_at: null,
    answered_at: state === 'connected' ? at : null,
    ended_at: null,
    duration_seconds: null,
    end_reason: null,
    error: null,
    ...more,
  };
}

/** The server's side of one socket. */
export class Server {
  received = [];
  /** Replies of a test's own, by type; undefined keeps the usual one. */
  replies = {};
  #waiting = [];
  #seq = 0;

  openSocket = (_url, _protocol, handlers) => {
    this.handlers = handlers;
    setTimeout(() => handlers.opened());
    return { send: (text) => this.#handle(JSON.parse(text)), close: () => undefined };
  };

  say(message) {
    this.handlers.message(JSON.stringify(message));
  }

  event(event) {
    this.say({ type: 'event', seq: ++this.#seq, at: '2026-11-02T09:00:00Z', event });
  }

  /** The next command of that type. */
  next(type) {
    const known = this.received.find((message) => message.type === type);
    if (known) return Promise.resolve(known);
    return new Promise((resolve) => this.#waiting.push({ type, resolve }));
  }

  #handle(message) {
    this.received.push(message);
    this.#waiting = this.#waiting.filter(({ type, resolve }) => type !== message.type || resolve(message));
    if (message.type === 'hello') {
      const snapshot = { presence: 'available', numbers: [number], ringing: [], calls: [] };
      this.say({ type: 'welcome', agent, seq: 0, resumed: false, heartbeat_ms: 25_000, ice_servers: [], snapshot });
    } else if (this.replies[message.type] !== undefined) {
      void this.replies[message.type](message).then((reply) => this.say({ type: 'ack', id: message.id, ...reply }));
    } else if (message.type === 'call.place') {
      this.say({ type: 'ack', id: message.id, call: view('out_1', 'outbound', 'dialing') });
    } else if (message.type === 'call.accept') {
      this.say({ type: 'ack', id: message.id, call: view(message.call_id, 'inbound', 'answering') });
    } else {
      this.say({ type: 'ack', id: message.id });
    }
  }
}

/** WhatsApp's side: sends a tone, counts what arrives. */
export class Phone {
  constructor(hertz) {
    this.peer = new RTCPeerConnection();
    this.context = new AudioContext();
    const tone = new OscillatorNode(this.context, { frequency: hertz });
    const outlet = new MediaStreamAudioDestinationNode(this.context);
    tone.connect(outlet);
    tone.start();
    this.track = outlet.stream.getAudioTracks()[0];
    this.peer.ontrack = ({ track }) => {
      this.heard = new MediaStream([track]);
      this.element = new Audio();
      this.element.srcObject = this.heard;
      void this.element.play();
    };
  }

  /** An offer in Meta's form: mid `audio`, Opus and telephone-event only, no extensions. */
  async offer() {
    this.peer.addTransceiver(this.track, { direction: 'sendrecv' });
    await this.#describe(await this.peer.createOffer());
    return dressAsMeta(this.peer.localDescription.sdp);
  }

  async takeAnswer(sdp) {
    const plain = sdp.replaceAll('BUNDLE audio', 'BUNDLE 0').replaceAll('a=mid:audio', 'a=mid:0');
    await this.peer.setRemoteDescription({ type: 'answer', sdp: plain });
  }

  async answer(offer, setup) {
    await this.peer.setRemoteDescription({ type: 'offer', sdp: offer });
    const transceiver = this.peer.getTransceivers()[0];
    transceiver.direction = 'sendrecv';
    await transceiver.sender.replaceTrack(this.track);
    // A browser answers `active`; WhatsApp is the DTLS server, so the phone takes that part.
    const answer = await this.peer.createAnswer();
    await this.#describe({ type: 'answer', sdp: answer.sdp.replace('a=setup:active', 'a=setup:passive') });
    return this.peer.localDescription.sdp.replace('a=setup:passive', `a=setup:${setup}`);
  }

  async packetsReceived() {
    let packets = 0;
    (await this.peer.getStats()).forEach((entry) => {
      if (entry.type === 'inbound-rtp') packets = entry.packetsReceived;
    });
    return packets;
  }

  connected() {
    return until(() => this.peer.connectionState === 'connected', 'the phone to connect');
  }

  async #describe(description) {
    await this.peer.setLocalDescription(description);
    await until(() => this.peer.iceGatheringState === 'complete', 'the phone to gather');
  }
}

function dressAsMeta(sdp) {
  const kept = sdp
    .split('\r\n')
    .filter((line) => !/^a=(extmap|rtcp-rsize|rtcp-xr|ice-options)/.test(line))
    .filter((line) => !/^a=(rtpmap|fmtp|rtcp-fb):(?!111 |126 )/.test(line))
    .map((line) => (line.startsWith('m=audio') ? line.replace(/SAVPF .*/, 'SAVPF 111 126') : line))
    .map((line) => (line === 'a=group:BUNDLE 0' ? 'a=group:BUNDLE audio' : line))
    .map((line) => (line === 'a=mid:0' ? 'a=mid:audio' : line));
  return kept.join('\r\n');
}

export async function until(holds, what) {
  const deadline = performance.now() + 10_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
}

export async function frames(count) {
  for (let at = 0; at < count; at += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
}

/** The loudest frequency of a stream, once it carries a sound at all. */
export async function loudest(stream) {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  let best = 0;
  await until(() => {
    analyser.getFloatFrequencyData(bins);
    best = bins.indexOf(Math.max(...bins));
    return bins[best] > -50;
  }, 'a sound');
  await frames(30);
  analyser.getFloatFrequencyData(bins);
  best = bins.indexOf(Math.max(...bins));
  await context.close();
  return (best * context.sampleRate) / analyser.fftSize;
}

export async function registered() {
  const server = new Server();
  const environment = { ...browserEnvironment(), openSocket: server.openSocket };
  const device = new Device(() => Promise.resolve('ticket'), { url: 'ws://unused/ws', environment });
  await device.register();
  return { server, device };
}

/** One inbound call from the ring to the end. Returns what a test judges. */
export async function inbound() {
  const { server, device } = await registered();
  const phone = new Phone(660);
  const incoming = new Promise((resolve) => device.once('incoming', resolve));
  const offer = await phone.offer();
  server.event({ type: 'call.incoming', call: view('in_1', 'inbound', 'ringing'), sdp_offer: offer });
  const call = await incoming;
  const commandsBefore = server.received.length;
  void call.accept();
  const { sdp } = await server.next('call.accept');
  await phone.takeAnswer(sdp);
  await phone.connected();
  await frames(60);
  const early = await phone.packetsReceived();
  const audibleEarly = call.getRemoteStream().getAudioTracks()[0].enabled;
  server.event({ type: 'call.changed', call: view('in_1', 'inbound', 'connected') });
  await until(async () => (await phone.packetsReceived()) > 10, 'RTP after connected');
  const heard = await loudest(call.getRemoteStream());
  const heardByPhone = await loudest(phone.heard);
  const sample = await new Promise((resolve) => call.once('sample', resolve));
  call.mute();
  await frames(30);
  const mutedLevel = await level(phone.heard);
  call.disconnect();
  await server.next('call.hangup');
  return { offer, sdp, commandsBefore, early, audibleEarly, heard, heardByPhone, sample, mutedLevel };
}

/** One outbound call whose answer carries this DTLS role. */
export async function outbound(setup) {
  const { server, device } = await registered();
  const phone = new Phone(880);
  const call = await device.connect({ params: { To: '+351910000002' } });
  const { sdp } = await server.next('call.place');
  server.event({ type: 'call.remote_answer', call_id: 'out_1', sdp_answer: await phone.answer(sdp, setup) });
  server.event({ type: 'call.changed', call: view('out_1', 'outbound', 'ringing') });
  await phone.connected();
  await frames(60);
  const early = await phone.packetsReceived();
  const audibleEarly = call.getRemoteStream().getAudioTracks()[0].enabled;
  server.event({ type: 'call.changed', call: view('out_1', 'outbound', 'connected') });
  await until(async () => (await phone.packetsReceived()) > 10, 'RTP after connected');
  const heard = await loudest(call.getRemoteStream());
  call.disconnect();
  return { sdp, early, audibleEarly, heard };
}

/** A bridged call whose first leg the server replaces, as when another page attaches; then it is brought back. */
export async function bridged() {
  const { server, device } = await registered();
  const connected = view('in_1', 'inbound', 'connected', { media: 'bridge', agent });
  const legs = [];
  const answer = async ({ sdp }) => {
    const leg = new Phone(700 + 100 * legs.length);
    legs.push(leg);
    return { call: connected, sdp_answer: await leg.answer(sdp, 'passive') };
  };
  server.replies = { 'call.accept': answer, 'call.attach': answer };
  const incoming = new Promise((resolve) => device.once('incoming', resolve));
  server.event({ type: 'call.incoming', call: view('in_1', 'inbound', 'ringing', { media: 'bridge' }) });
  const call = await incoming;
  await call.accept();
  await legs[0].connected();
  const first = await loudest(call.getRemoteStream());
  const goodbyeAt = performance.now();
  legs[0].peer.close();
  await until(() => call.soundIs === 'elsewhere', 'the goodbye to be noticed');
  const noticedAfter = performance.now() - goodbyeAt;
  const attachedByItself = legs.length > 1;
  call.attach();
  await until(() => call.soundIs === 'here' && call.status() === 'open', 'the sound to be back');
  const second = await loudest(call.getRemoteStream());
  await until(async () => (await legs[1].packetsReceived()) > 10, 'RTP over the new path');
  const hungUp = server.received.some(({ type }) => type === 'call.hangup');
  call.disconnect();
  return { first, second, noticedAfter, attachedByItself, hungUp };
}

async function level(stream) {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 2048 });
  new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(analyser);
  await frames(20);
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  await context.close();
  return Math.max(...samples.map(Math.abs));
}
