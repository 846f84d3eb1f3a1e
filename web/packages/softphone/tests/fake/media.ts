/** Microphones, streams, peers and loudspeakers with memory and without sound. */

import type { Media, Meter, Peer, Playback, Sound, Stats, StatsEntry, Tone, Transceiver } from '../../src/environment';

export class FakeTrack extends EventTarget implements MediaStreamTrack {
  contentHint = '';
  enabled = true;
  readonly id: string;
  readonly kind = 'audio';
  readonly label = 'fake';
  readonly muted = false;
  onended: MediaStreamTrack['onended'] = null;
  onmute: MediaStreamTrack['onmute'] = null;
  onunmute: MediaStreamTrack['onunmute'] = null;
  readyState: MediaStreamTrackState = 'live';
  readonly clones: FakeTrack[] = [];

  constructor(id: string) {
    super();
    this.id = id;
  }

  clone(): FakeTrack {
    const copy = new FakeTrack(`${this.id}'`);
    this.clones.push(copy);
    return copy;
  }

  stop(): void {
    this.readyState = 'ended';
  }

  /** What the browser does when a device is pulled out. */
  unplug(): void {
    this.readyState = 'ended';
    this.dispatchEvent(new Event('ended'));
  }

  applyConstraints = () => Promise.resolve();
  getCapabilities = () => ({});
  getConstraints = () => ({});
  getSettings = () => ({});
}

class FakeStream extends EventTarget implements MediaStream {
  readonly active = true;
  readonly id = 'stream';
  onaddtrack: MediaStream['onaddtrack'] = null;
  onremovetrack: MediaStream['onremovetrack'] = null;
  readonly #tracks: MediaStreamTrack[];

  constructor(tracks: MediaStreamTrack[]) {
    super();
    this.#tracks = tracks;
  }

  getTracks = () => [...this.#tracks];
  getAudioTracks = () => this.getTracks();
  getVideoTracks = () => [];
  getTrackById = (id: string) => this.#tracks.find((track) => track.id === id) ?? null;
  addTrack = (track: MediaStreamTrack) => void this.#tracks.push(track);
  removeTrack = () => undefined;
  clone = () => new FakeStream(this.#tracks.map((track) => track.clone()));
}

export class FakeMedia implements Media {
  /** Every microphone that was opened, with what was asked for. */
  readonly opened: { track: FakeTrack; deviceId: string }[] = [];
  devices: MediaDeviceInfo[] = [];
  /** The name of the error the browser gives instead of a microphone. */
  refusal: string | null = null;
  /** Device ids that do not exist (any more). */
  readonly missing = new Set<string>();
  #changed: () => void = () => undefined;

  getUserMedia = ({ audio }: MediaStreamConstraints): Promise<MediaStream> => {
    const deviceId = typeof audio === 'object' && JSON.stringify(audio.deviceId ?? '').match(/"exact":"(.*?)"/)?.[1];
    if (this.refusal !== null) return Promise.reject(new DOMException('refused', this.refusal));
    if (deviceId && this.missing.has(deviceId)) {
      return Promise.reject(new DOMException('no such device', 'OverconstrainedError'));
    }
    const track = new FakeTrack(`mic${this.opened.length + 1}`);
    this.opened.push({ track, deviceId: deviceId || '' });
    return Promise.resolve(new FakeStream([track]));
  };

  enumerateDevices = () => Promise.resolve(this.devices);
  onDeviceChange = (listener: () => void) => void (this.#changed = listener);
  createStream = (tracks: MediaStreamTrack[]) => new FakeStream(tracks);

  change(devices: MediaDeviceInfo[]): void {
    this.devices = devices;
    this.#changed();
  }
}

export function device(kind: MediaDeviceKind, deviceId: string): MediaDeviceInfo {
  return { kind, deviceId, groupId: '', label: deviceId, toJSON: () => ({}) };
}

export class FakeSound implements Sound {
  locked = false;
  canChooseOutput = true;
  /** What sounds now. */
  readonly playing = new Set<{ what: Tone | MediaStream; sink: string }>();
  inputLevel = 0.5;
  #lockListener: () => void = () => undefined;

  onLockChange = (listener: () => void) => void (this.#lockListener = listener);

  unlock(): Promise<void> {
    this.locked = false;
    this.#lockListener();
    return Promise.resolve();
  }

  playStream = (stream: MediaStream, sink: string) => this.#play(stream, sink);
  playTone = (tone: Tone, sink: string) => this.#play(tone, sink, tone.loop);
  meter = (): Meter => ({ level: () => this.inputLevel, stop: () => undefined });

  get tones(): Tone[] {
    return [...this.playing].flatMap(({ what }) => ('hertz' in what ? [what] : []));
  }

  get streams(): MediaStream[] {
    return [...this.playing].flatMap(({ what }) => ('hertz' in what ? [] : [what]));
  }

  #play(what: Tone | MediaStream, sink: string, lasting = true): Playback {
    const entry = { what, sink };
    if (lasting) this.playing.add(entry);
    return {
      setSink: (id) => void (entry.sink = id),
      stop: () => void this.playing.delete(entry),
    };
  }
}

/** Good enough for the checks a description goes through. */
export function sdp(setup: string): string {
  return [
    'v=0',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111 126',
    'a=candidate:1 1 udp 1 192.0.2.1 4000 typ host',
    'a=fingerprint:sha-256 AA',
    `a=setup:${setup}`,
    'a=sendrecv',
    'a=ssrc:7 cname:x',
    '',
  ].join('\r\n');
}

class FakeTransport extends EventTarget {
  state: RTCDtlsTransportState = 'new';

  /** The other side says goodbye. */
  endRemotely(): void {
    this.state = 'closed';
    this.dispatchEvent(new Event('statechange'));
  }
}

export class FakePeer implements Peer {
  iceGatheringState: RTCIceGatheringState = 'new';
  connectionState: RTCPeerConnectionState = 'new';
  localDescription: { sdp: string } | null = null;
  readonly remote: { type: string; sdp: string }[] = [];
  /** Candidates it was told of after the description, in order. */
  readonly candidates: string[] = [];
  /** What the sender was given, in order. */
  readonly sent: (MediaStreamTrack | null)[] = [];
  readonly receiving = new FakeTrack('remote');
  closed = false;
  readonly transport = new FakeTransport();
  entries: StatsEntry[] = [];
  /** Candidates never end: a STUN server that does not reply. */
  gathersForever = false;
  refusesRemote = false;
  /** How often another path was offered. */
  restarts = 0;
  #transceiver: Transceiver | null = null;
  readonly #listeners = new Map<string, ((event: { candidate: { candidate: string } | null }) => void)[]>();

  addTransceiver(_kind: 'audio', init: { direction: RTCRtpTransceiverDirection }): Transceiver {
    this.#transceiver = {
      direction: init.direction,
      sender: {
        replaceTrack: (track) => {
          this.sent.push(track);
          return Promise.resolve();
        },
        setStreams: () => undefined,
        transport: this.transport,
      },
      receiver: { track: this.receiving },
    };
    return this.#transceiver;
  }

  getTransceivers = () => (this.#transceiver === null ? [] : [this.#transceiver]);
  createOffer = (options?: { iceRestart: boolean }) => {
    if (options?.iceRestart) this.restarts += 1;
    return Promise.resolve({ type: 'offer' as const, sdp: sdp('actpass') });
  };
  createAnswer = () => Promise.resolve({ type: 'answer' as const, sdp: sdp('passive') });

  setLocalDescription(description: RTCSessionDescriptionInit): Promise<void> {
    this.localDescription = { sdp: description.sdp ?? '' };
    if (!this.gathersForever) this.#change('icegatheringstatechange', () => (this.iceGatheringState = 'complete'));
    return Promise.resolve();
  }

  addIceCandidate({ candidate }: { candidate: string }): Promise<void> {
    this.candidates.push(candidate);
    return Promise.resolve();
  }

  setRemoteDescription(description: { type: 'offer' | 'answer'; sdp: string }): Promise<void> {
    if (this.refusesRemote) return Promise.reject(new DOMException('bad', 'InvalidAccessError'));
    this.remote.push(description);
    if (description.type === 'offer') this.addTransceiver('audio', { direction: 'recvonly' });
    return Promise.resolve();
  }

  getStats(): Promise<Stats> {
    return Promise.resolve({ forEach: (visit) => this.entries.forEach(visit) });
  }

  addEventListener(type: string, listener: (event: { candidate: { candidate: string } | null }) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  close(): void {
    this.closed = true;
  }

  /** One more candidate, while others are still looked for; null after the last one. */
  find(candidate: string | null): void {
    const sdp = `${this.localDescription?.sdp ?? ''}${candidate === null ? '' : `a=${candidate}\r\n`}`;
    const event = { candidate: candidate === null ? null : { candidate } };
    this.#change('icecandidate', () => (this.localDescription = { sdp }), event);
  }

  become(state: RTCPeerConnectionState): void {
    this.#change('connectionstatechange', () => (this.connectionState = state));
  }

  #change(
    type: string,
    change: () => void,
    event: { candidate: { candidate: string } | null } = { candidate: null },
  ): void {
    change();
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}
