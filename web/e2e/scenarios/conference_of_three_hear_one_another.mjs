// Three in one call: each hears the other two and not themselves. Muted, somebody is heard by nobody; taken out, they are gone.
import { TONES, until } from '../cast.mjs';

export default async function conference(cast) {
  const { ada, ben, phone } = await cast.bridged();
  await ada.press('add');
  await ada.choose('Ben', 'invite');
  await ben.says('incoming-kind', /Ada invites you/i);
  await ben.answer();
  const all = async () => {
    await ada.hearsOnly(TONES.customer, TONES.ben);
    await ben.hearsOnly(TONES.customer, TONES.ada);
    await phone.hearsOnly(TONES.ada, TONES.ben);
  };
  await all();
  const said = await ada.people();
  if (!said.some((row) => row.includes('Ben talks with everybody'))) throw new Error(`the desk says ${said}`);

  await ada.press('party-mute');
  await phone.hearsOnly(TONES.ada);
  await ada.hearsOnly(TONES.customer);
  await ada.press('party-mute');
  await all();

  await ada.press('leave');
  await ada.says('end-reason', /goes on without you/i);
  await ben.hearsOnly(TONES.customer);
  await phone.hearsOnly(TONES.ben);
  await until('Ben to own the call', () => ben.at('transfer').isVisible());
  await cast.oneStream();
}
