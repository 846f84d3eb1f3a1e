// Given to the queue, a call rings whoever is free; declined by all, it comes back to everybody.
import { TONES } from '../cast.mjs';

export default async function queue(cast) {
  const { ada, ben, phone } = await cast.bridged();
  await ada.press('transfer');
  await ada.choose(null, 'transfer-now');
  await ben.at('incoming-card').waitFor();
  await ben.press('decline');
  await ada.at('incoming-card').waitFor();
  await phone.hearsMusic();
  await ada.answer();
  await ada.hearsOnly(TONES.customer);
  await phone.hearsOnly(TONES.ada);
  await cast.oneStream();
}
