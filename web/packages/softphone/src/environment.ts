/**
 * What the softphone needs from the world around it, as small interfaces.
 *
 * Nothing else in this package touches a global: `browser.ts` fills these in from a browser, a test
 * fills them in with fakes. Nothing here decides anything.
 */

/** Cancels what was scheduled; calling it twice is harmless. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  after(ms: number, run: () => void): Cancel;
}

export interface SocketHandlers {
  opened(): void;
  message(text: string): void;
  /** Called once, also when the socket never opened. */
  closed(code: number): void;
}

export interface Socket {
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** Tells when the other side closes its end, which the state of the peer does not. */
export interface DtlsTransport {
  readonly state: RTCDtlsTransportState;
  addEventListener(type: 'statechange', listener: () => void): void;
}

export interface Transceiver {
  direction: RTCRtpTransceiverDirection;
  readonly sender: {
    replaceTrack(track: MediaStreamTrack | null): Promise<void>;
    setStreams(...streams: MediaStream[]): void;
    /** There once a description is set. */
    readonly transport: DtlsTransport | null;
  };
  readonly receiver: { readonly track: MediaStreamTrack };
}

/** One entry of `getStats()`: only `type` is certain. */
export interface StatsEntry {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface Stats {
  forEach(visit: (entry: StatsEntry) => void): void;
}

/** The part of `RTCPeerConnection` a call uses. */
export interface Peer {
  readonly iceGatheringState: RTCIceGatheringState;
  readonly connectionState: RTCPeerConnectionState;
  readonly localDescription: { readonly sdp: string } | null;
  addTransceiver(kind: 'audio', init: { direction: RTCRtpTransceiverDirection; streams: MediaStream[] }): Transceiver;
  getTransceivers(): Transceiver[];
  createOffer(options?: { iceRestart: boolean }): Promise<RTCSessionDescriptionInit>;
  createAnswer(): Promise<RTCSessionDescriptionInit>;
  setLocalDescription(description: RTCSessionDescriptionInit): Promise<void>;
  setRemoteDescription(description: { type: 'offer' | 'answer'; sdp: string }): Promise<void>;
  addIceCandidate(candidate: { candidate: string; sdpMLineIndex: number }): Promise<void>;
  getStats(): Promise<Stats>;
  addEventListener(type: 'connectionstatechange' | 'icegatheringstatechange', listener: () => void): void;
  /** `null` after the last one. */
  addEventListener(
    type: 'icecandidate',
    listener: (event: { readonly candidate: { readonly candidate: string } | null }) => void,
  ): void;
  close(): void;
}

/** Microphones, speakers and streams. */
export interface Media {
  getUserMedia(constraints: MediaStreamConstraints): Promise<MediaStream>;
  enumerateDevices(): Promise<MediaDeviceInfo[]>;
  onDeviceChange(listener: () => void): void;
  createStream(tracks: MediaStreamTrack[]): MediaStream;
}

/** Something that sounds until stopped. */
export interface Playback {
  setSink(deviceId: string): void;
  stop(): void;
}

export interface Meter {
  /** Loudness now, 0 to 1. */
  level(): number;
  stop(): void;
}

/** A tone with its rhythm. */
export interface Tone {
  /** Sounded together. */
  readonly hertz: readonly number[];
  /** Milliseconds of sound, silence, sound, … */
  readonly cadence: readonly number[];
  readonly loop: boolean;
  /** 0 to 1. */
  readonly gain: number;
}

/** The speaker's side. */
export interface Sound {
  /** True while the browser refuses to make a sound before the person clicks. */
  readonly locked: boolean;
  readonly canChooseOutput: boolean;
  onLockChange(listener: () => void): void;
  /** To be called from a click or key press. */
  unlock(): Promise<void>;
  playStream(stream: MediaStream, deviceId: string): Playback;
  playTone(tone: Tone, deviceId: string): Playback;
  meter(stream: MediaStream): Meter;
}

export interface Environment {
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  random(): number;
  /** A fresh identifier, unique in the world. */
  uuid(): string;
  openSocket(url: string, protocol: string, handlers: SocketHandlers): Socket;
  createPeer(configuration: RTCConfiguration): Peer;
  readonly media: Media;
  readonly sound: Sound;
  /** Tells when the machine finds a network again, or changes to one of another kind. */
  onNetwork(listener: () => void): void;
}
