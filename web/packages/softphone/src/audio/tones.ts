/** The sounds the softphone makes itself. */

import type { Tone } from '../environment';

/** An incoming call: two warm notes, then a pause long enough to speak. */
export const RINGTONE: Tone = { hertz: [440, 554.37], cadence: [400, 200, 400, 2_000], loop: true, gain: 0.2 };

/** Another call while one goes on: short and soft, under the voice. */
export const CALL_WAITING: Tone = { hertz: [440], cadence: [150, 5_000], loop: true, gain: 0.06 };

/** The called side rings: 425 Hz, one second in five (ITU-T E.180, Europe). */
export const RINGBACK: Tone = { hertz: [425], cadence: [1_000, 4_000], loop: true, gain: 0.1 };

/** The call is over. */
export const GOODBYE: Tone = { hertz: [425], cadence: [150, 150, 150], loop: false, gain: 0.08 };

/** To hear whether a speaker works. */
export const SPEAKER_TEST: Tone = { hertz: [523.25, 659.25], cadence: [600], loop: false, gain: 0.2 };
