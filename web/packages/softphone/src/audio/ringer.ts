/** Decides which tone is heard: ringing, call waiting, ringback or none. */

import type { Call } from '../call/call';
import type { Playback, Tone } from '../environment';
import type { DeviceAudio } from './device-audio';
import { CALL_WAITING, RINGBACK, RINGTONE } from './tones';

export class Ringer {
  readonly #audio: DeviceAudio;
  #tone: Tone | null = null;
  #playback: Playback | null = null;

  constructor(audio: DeviceAudio) {
    this.#audio = audio;
  }

  handleCalls(calls: readonly Call[]): void {
    const tone = this.#choose(calls);
    if (tone === this.#tone) return;
    this.#playback?.stop();
    this.#tone = tone;
    const { ringtoneDevices, speakerDevices } = this.#audio;
    this.#playback = tone === null ? null : (tone === RINGTONE ? ringtoneDevices : speakerDevices).playTone(tone);
  }

  #choose(calls: readonly Call[]): Tone | null {
    const here = calls.filter((call) => call.soundIs === 'here');
    const rings = here.some((call) => call.status() === 'pending' && !call.isIgnored) && this.#audio.incoming();
    const talks = here.some((call) => call.status() === 'open' || call.status() === 'reconnecting');
    const dials = here.some(
      (call) => call.direction === 'OUTGOING' && (call.status() === 'connecting' || call.status() === 'ringing'),
    );
    if (talks) return rings ? CALL_WAITING : null;
    if (dials && this.#audio.outgoing()) return RINGBACK;
    return rings ? RINGTONE : null;
  }
}
