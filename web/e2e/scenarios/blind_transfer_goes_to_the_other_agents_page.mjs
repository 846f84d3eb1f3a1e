// A blind transfer rings the other agent while the customer hears music; who gave the call away is free at once.
import { TONES } from '../cast.mjs';

export default async function transfer(cast) {
  const { ada, ben, phone } = await cast.bridged();
  await ada.press('transfer');
  await ada.choose('Ben', 'transfer-now');
  await ada.says('end-reason', /goes on without you/i);
  await ben.says('incoming-kind', /transferred to you/i);
  await phone.hearsMusic();
  await ben.answer();
  await ben.hearsOnly(TONES.customer);
  await phone.hearsOnly(TONES.ben);
  await cast.oneStream();
  await ben.press('hangup');
  await cast.rowThat('the call is completed', (row) => row.status === 'completed' && row.end_reason === 'local_hangup');
}
