// On hold the customer hears music and reaches nobody; going on, both hear each other as before.
import { TONES } from '../cast.mjs';

export default async function hold(cast) {
  const { ada, phone } = await cast.bridged({ second: false });
  await ada.press('hold');
  await ada.says('call-state', /on hold/i);
  await phone.hearsMusic();
  await ada.hearsOnly();
  await ada.press('hold');
  await phone.hearsOnly(TONES.ada);
  await ada.hearsOnly(TONES.customer);
  await cast.oneStream();
}
