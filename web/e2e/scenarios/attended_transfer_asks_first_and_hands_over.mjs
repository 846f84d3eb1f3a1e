// The second agent is asked while the customer hears music; the two talk, then the call changes hands.
// Called off, the first agent is back with the customer.
import { TONES } from '../cast.mjs';

export default async function attended(cast) {
  const { ada, ben, phone } = await cast.bridged();
  const ask = async () => {
    await ada.press('transfer');
    await ada.choose('Ben', 'ask-first');
    await ben.says('incoming-kind', /Ada asks you/i);
    await phone.hearsMusic();
    await ben.answer();
    await ada.at('consulting').waitFor();
    await ada.hearsOnly(TONES.ben);
    await ben.hearsOnly(TONES.ada);
    await phone.hearsMusic();
  };
  await ask();
  await ada.press('back');
  await ada.hearsOnly(TONES.customer);
  await phone.hearsOnly(TONES.ada);
  await ben.says('end-reason', /goes on without you/i);

  await ask();
  await ada.press('complete');
  await ben.hearsOnly(TONES.customer);
  await phone.hearsOnly(TONES.ben);
  await ada.says('end-reason', /goes on without you/i);
  await cast.oneStream();
}
