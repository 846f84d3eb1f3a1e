// A parked customer hears music; the call is in everybody's sight until somebody takes it.
import { TONES, until } from '../cast.mjs';

export default async function parked(cast) {
  const { ada, ben, phone } = await cast.bridged();
  await ada.press('park');
  await ada.says('end-reason', /waits with music/i);
  await Promise.all([ada.at('parked-call').waitFor(), ben.at('parked-call').waitFor()]);
  await phone.hearsMusic();
  await ben.page.reload();
  await ben.press('take-parked');
  await ben.hearsOnly(TONES.customer);
  await phone.hearsOnly(TONES.ben);
  await until('nothing to be parked', async () => (await ada.at('parked-call').count()) === 0);
  await cast.oneStream();
}
