// An ear that misses nothing: every sample of a stretch of sound, looked at in windows of 20 ms.

/** A window is of a tone when the tone has this share of its energy: speech codecs smear a lost packet. */
const SHARE = 0.5;
/** Quieter than this is silence: -46 dB of full scale. */
const SILENCE = 0.005;

/** Records what a desk or a phone page hears for a while. */
export async function record(who, ms, tones) {
  const windows = await who.page.evaluate(listenClosely, { pick: who.ear, ms, tones });
  return new Recording(windows);
}

class Recording {
  constructor(windows) {
    this.windows = windows;
  }

  /** How a tone came through: its share of the time, its loudness, and the holes in it. */
  of(hz) {
    const present = this.windows.map(({ rms, shares }) => rms > SILENCE && shares[hz] > SHARE);
    const heard = this.windows.filter((_, n) => present[n]);
    const holes = present.map((is) => (is ? ' ' : 'x')).join('').trim().split(/ +/).filter(Boolean);
    const mean = Math.sqrt(heard.reduce((sum, { rms }) => sum + rms * rms, 0) / Math.max(1, heard.length));
    return {
      share: heard.length / Math.max(1, this.windows.length),
      db: 20 * Math.log10(Math.max(mean, 1e-6)),
      gaps: holes.length,
      longestMs: 20 * Math.max(0, ...holes.map((hole) => hole.length)),
    };
  }

  /** The same in words. */
  told(hz) {
    const { share, db, gaps, longestMs } = this.of(hz);
    const percent = Math.round(100 * share);
    return `${hz} Hz for ${percent} % of ${this.windows.length * 20} ms at ${db.toFixed(1)} dBFS, ${gaps} gaps, longest ${longestMs} ms`;
  }

  /** Asserts that a listener could follow: the tone most of the time. Browsers on a busy machine leave holes too. */
  intelligible(hz) {
    const { share, longestMs } = this.of(hz);
    if (share < 0.6 || longestMs > 1_000) throw new Error(`not intelligible: ${this.told(hz)}`);
  }
}

/** In the page: energy of each window and the share that each tone has of it (Goertzel). */
async function listenClosely({ pick, ms, tones }) {
  const stream = new Function(`return (${pick})()`)();
  const processor = new MediaStreamTrackProcessor({ track: stream.getAudioTracks()[0].clone(), maxBufferSize: 1_000 });
  const reader = processor.readable.getReader();
  const windows = [];
  let rest = new Float32Array(0);
  for (let took = 0; took < ms * 1_000; ) {
    const { value: data, done } = await reader.read();
    if (done) break;
    const size = data.sampleRate / 50;
    const samples = new Float32Array(rest.length + data.numberOfFrames);
    samples.set(rest);
    data.copyTo(samples.subarray(rest.length), { planeIndex: 0, format: 'f32-planar' });
    took += data.duration;
    let at = 0;
    for (; at + size <= samples.length; at += size) windows.push(look(samples.subarray(at, at + size), data.sampleRate));
    rest = samples.slice(at);
    data.close();
  }
  await reader.cancel();
  return windows;

  function look(window, rate) {
    const energy = window.reduce((sum, value) => sum + value * value, 0);
    const shares = {};
    for (const hz of tones) {
      let [re, im] = [0, 0];
      for (let n = 0; n < window.length; n += 1) {
        const angle = (2 * Math.PI * hz * n) / rate;
        re += window[n] * Math.cos(angle);
        im += window[n] * Math.sin(angle);
      }
      shares[hz] = energy === 0 ? 0 : (2 * (re * re + im * im)) / (window.length * energy);
    }
    return { rms: Math.sqrt(energy / window.length), shares };
  }
}

/**
 * In the page, before anything of it runs: notes the keys that arrive as telephone events (RFC 4733) in
 * `window.keysReceived`. A page is given no other sight of them.
 */
export function noteKeys() {
  const KEYS = '0123456789*#ABCD';
  const seen = new Set();
  window.keysReceived = '';
  const note = (frame) => {
    const { rtpTimestamp } = frame.getMetadata();
    const [event, flags] = new Uint8Array(frame.data);
    const ended = (flags & 0x80) !== 0;
    if (frame.data.byteLength !== 4 || event >= KEYS.length || !ended || seen.has(rtpTimestamp)) return;
    seen.add(rtpTimestamp);
    window.keysReceived += KEYS[event];
  };
  const tapped = new WeakSet();
  const tap = (end, look) => {
    if (tapped.has(end)) return;
    tapped.add(end);
    const { readable, writable } = end.createEncodedStreams();
    const passing = new TransformStream({
      transform(frame, controller) {
        look(frame);
        controller.enqueue(frame);
      },
    });
    void readable.pipeThrough(passing).pipeTo(writable);
  };
  // Once asked for, the browser sends nothing of a sender whose frames nobody passes on.
  const tapBoth = ({ sender, receiver }) => {
    tap(sender, () => undefined);
    tap(receiver, note);
  };
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(config) {
      super({ ...config, encodedInsertableStreams: true });
      this.addEventListener('track', ({ transceiver }) => tapBoth(transceiver));
    }

    addTransceiver(...args) {
      const transceiver = super.addTransceiver(...args);
      tapBoth(transceiver);
      return transceiver;
    }
  };
}
