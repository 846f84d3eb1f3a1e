// The page of somebody who is asked, and then of a member of a conference, reloads: they are back in the call.
import { TONES } from '../cast.mjs';

export default async function reload(cast) {
  const { ada, ben, phone } = await cast.bridged();
  await ada.press('transfer');
  await ada.choose('Ben', 'ask-first');
  await ben.answer();
  await ada.hearsOnly(TONES.ben);
  await ben.page.reload();
  await ben.hearsOnly(TONES.ada);
  await ada.hearsOnly(TONES.ben);
  await phone.hearsMusic();

  await ada.press('merge');
  await phone.hearsOnly(TONES.ada, TONES.ben);
  await ben.page.reload();
  await ben.hearsOnly(TONES.customer, TONES.ada);
  await phone.hearsOnly(TONES.ada, TONES.ben);
  await ada.hearsOnly(TONES.customer, TONES.ben);
  await cast.oneStream();
}
