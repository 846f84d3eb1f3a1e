/** Where sound comes out: one choice for voices, one for ringing. */

import type { Environment, Playback, Tone } from '../environment';
import { SPEAKER_TEST } from './tones';

export class OutputDevices {
  readonly #environment: Environment;
  readonly #changed: () => void;
  #id = '';
  readonly #playing = new Set<Playback>();

  constructor(environment: Environment, changed: () => void) {
    this.#environment = environment;
    this.#changed = changed;
  }

  /** The chosen device; the empty string is the system's default. */
  get(): string {
    return this.#id;
  }

  /** Chooses a device, also for what is playing now. */
  set(deviceId: string): void {
    this.#id = deviceId;
    for (const playback of this.#playing) playback.setSink(deviceId);
    this.#changed();
  }

  /** Makes a short sound, for the person to say whether it was heard. */
  test(): void {
    this.#environment.sound.playTone(SPEAKER_TEST, this.#id);
  }

  /** @internal */
  playStream(stream: MediaStream): Playback {
    return this.#track(this.#environment.sound.playStream(stream, this.#id));
  }

  /** @internal */
  playTone(tone: Tone): Playback {
    const playback = this.#environment.sound.playTone(tone, this.#id);
    // What ends by itself needs no following.
    return tone.loop ? this.#track(playback) : playback;
  }

  #track(playback: Playback): Playback {
    this.#playing.add(playback);
    return {
      setSink: (deviceId) => playback.setSink(deviceId),
      stop: () => {
        this.#playing.delete(playback);
        playback.stop();
      },
    };
  }
}
