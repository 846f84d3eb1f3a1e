/** The world as a browser gives it: the only file of this package that touches globals. */

import type { Clock, Environment, Media, Meter, Playback, Socket, SocketHandlers, Sound, Tone } from './environment';
import { SoftphoneError } from './errors';

export function browserEnvironment(): Environment {
  return {
    clock,
    random: () => Math.random(),
    uuid,
    openSocket,
    createPeer: (configuration) => new RTCPeerConnection(configuration),
    media: browserMedia(),
    sound: new BrowserSound(),
    onNetwork,
  };
}

const clock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** `crypto.randomUUID` exists only on secure pages; this id needs to be unique, not secret. */
function uuid(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function openSocket(url: string, protocol: string, handlers: SocketHandlers): Socket {
  const socket = new WebSocket(url, protocol);
  socket.onopen = () => handlers.opened();
  socket.onmessage = ({ data }) => {
    if (typeof data === 'string') handlers.message(data);
  };
  socket.onclose = ({ code }) => handlers.closed(code);
  return {
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: (code, reason) => socket.close(code, reason),
  };
}

function onNetwork(listener: () => void): void {
  globalThis.addEventListener('online', listener);
  // Not in every browser. It also changes with every guess at the speed.
  const connection = 'connection' in navigator && navigator.connection;
  if (!(connection instanceof EventTarget)) return;
  const kindNow = () => 'type' in connection && connection.type;
  let kind = kindNow();
  connection.addEventListener('change', () => {
    const before = kind;
    kind = kindNow();
    if (kind !== before) listener();
  });
}

function browserMedia(): Media {
  // Absent on pages without encryption, whatever the type says.
  const devices: MediaDevices | undefined = navigator.mediaDevices;
  return {
    getUserMedia: (constraints) =>
      devices?.getUserMedia(constraints) ?? Promise.reject(SoftphoneError.of('insecure_page')),
    enumerateDevices: () => devices?.enumerateDevices() ?? Promise.resolve([]),
    onDeviceChange: (listener) => devices?.addEventListener('devicechange', listener),
    createStream: (tracks) => new MediaStream(tracks),
  };
}

/** Newer than the types: choosing where an element or a context sounds. */
interface SinkChooser {
  setSinkId(id: string): Promise<void>;
}

function choosesSink(target: object): target is SinkChooser {
  return 'setSinkId' in target;
}

function setSink(target: object, deviceId: string): void {
  // A device that vanished meanwhile leaves the sound where it was.
  if (choosesSink(target)) target.setSinkId(deviceId).catch(() => undefined);
}

class BrowserSound implements Sound {
  readonly canChooseOutput = 'setSinkId' in HTMLMediaElement.prototype;
  /** Made when first asked for: only its state tells whether this page may make a sound yet. */
  #context: AudioContext | null = null;
  readonly #elements = new Set<HTMLAudioElement>();
  readonly #refused = new Set<HTMLAudioElement>();
  readonly #listeners = new Set<() => void>();

  get locked(): boolean {
    return this.#contextOf().state !== 'running' || this.#refused.size > 0;
  }

  onLockChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  async unlock(): Promise<void> {
    const waiting = [...this.#refused].map((element) => this.#play(element));
    await Promise.allSettled([this.#contextOf().resume(), ...waiting]);
    this.#tell();
  }

  playStream(stream: MediaStream, deviceId: string): Playback {
    const element = new Audio();
    element.srcObject = stream;
    if (deviceId !== '') setSink(element, deviceId);
    this.#elements.add(element);
    void this.#play(element);
    return {
      setSink: (id) => setSink(element, id),
      stop: () => {
        element.pause();
        element.srcObject = null;
        this.#elements.delete(element);
        this.#refused.delete(element);
      },
    };
  }

  playTone(tone: Tone, deviceId: string): Playback {
    const context = this.#contextOf();
    const source = new AudioBufferSourceNode(context, { buffer: render(tone, context), loop: tone.loop });
    // An element, because only an element can sound somewhere else than the rest of the page everywhere.
    const outlet = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    source.connect(outlet);
    const playback = this.playStream(outlet.stream, deviceId);
    source.onended = () => playback.stop();
    source.start();
    return {
      setSink: (id) => playback.setSink(id),
      stop() {
        source.stop();
        // A suspended context never says that it ended.
        playback.stop();
      },
    };
  }

  meter(stream: MediaStream): Meter {
    const context = this.#contextOf();
    const source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    return {
      level() {
        analyser.getFloatTimeDomainData(samples);
        const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
        // Speech sits near -20 dBFS; the root alone would hardly move a meter.
        return Math.min(1, Math.sqrt(power) * 4);
      },
      stop: () => source.disconnect(),
    };
  }

  async #play(element: HTMLAudioElement): Promise<void> {
    try {
      await element.play();
      this.#refused.delete(element);
    } catch {
      // Refused until a click, or stopped meanwhile.
      if (this.#elements.has(element)) this.#refused.add(element);
    }
    this.#tell();
  }

  #contextOf(): AudioContext {
    if (this.#context === null) {
      this.#context = new AudioContext({ latencyHint: 'interactive' });
      this.#context.addEventListener('statechange', () => this.#tell());
    }
    return this.#context;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** One round of the tone's rhythm, with soft edges so that it does not click. */
function render(tone: Tone, context: AudioContext): AudioBuffer {
  const rate = context.sampleRate;
  const lengths = tone.cadence.map((ms) => Math.round((ms / 1_000) * rate));
  const buffer = context.createBuffer(
    1,
    Math.max(
      1,
      lengths.reduce((sum, length) => sum + length, 0),
    ),
    rate,
  );
  const samples = buffer.getChannelData(0);
  const edge = rate * 0.012;
  let start = 0;
  for (const [index, length] of lengths.entries()) {
    // Even places sound, odd places are silent.
    const sounds = index % 2 === 0 ? length : 0;
    for (let at = 0; at < sounds; at += 1) {
      const wave = tone.hertz.reduce((sum, hertz) => sum + Math.sin((2 * Math.PI * hertz * at) / rate), 0);
      const envelope = Math.min(1, at / edge, (length - at) / edge);
      samples[start + at] = (wave / tone.hertz.length) * envelope * tone.gain;
    }
    start += length;
  }
  return buffer;
}
