// An announcement is heard at both ends in place of the other side; at its end they talk on.
import { TONES } from '../cast.mjs';

/** The notes of the demo's announcement `notice`. */
const NOTICE = 500;

export default async function announcement(cast) {
  const { ada, phone } = await cast.bridged({ second: false });
  await ada.press('announce');
  await ada.at('clip').fill('no-such-thing');
  await ada.press('play');
  await ada.says('trouble', /no announcement of this name/i);

  await ada.at('clip').fill('notice');
  await Promise.all([phone.hears(NOTICE), ada.hears(NOTICE), ada.press('play')]);
  await phone.hearsOnly(TONES.ada);
  await ada.hearsOnly(TONES.customer);
  await cast.oneStream();
}
