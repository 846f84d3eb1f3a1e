// Sign in, go online, dial, mute, hang up and answer without a pointer, going from place to place with Tab.
import { until } from '../cast.mjs';

/** More steps than the desk has places to stop at. */
const MOST_STEPS = 60;

export default async function keyboard(cast) {
  const desk = await cast.desk({ signedIn: false });
  const { page } = desk;
  const at = (testId) => page.evaluate((id) => document.activeElement?.dataset.testid === id, testId);
  const go = async (testId) => {
    await until(`${testId} to be there`, () => desk.at(testId).first().isEnabled({ timeout: 100 }).catch(() => false));
    for (let step = 0; step < MOST_STEPS; step += 1) {
      if (await at(testId)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`Tab does not lead to ${testId}`);
  };
  const press = async (testId, key = 'Enter') => {
    await go(testId);
    await page.keyboard.press(key);
  };

  const { email, password } = cast.stage.agents[0];
  await go('login-email');
  await page.keyboard.type(email);
  await go('login-password');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
  await press('go-online');
  await desk.at('go-offline').waitFor();

  await go('dial-input');
  await page.keyboard.type('+447700900002');
  await page.keyboard.press('Enter');
  await desk.connected();
  await desk.hears(440);
  await press('mute', 'Space');
  await until('the microphone to be off', async () => (await desk.at('mute').getAttribute('aria-pressed')) === 'true');
  await press('hangup');
  await desk.at('end-reason').waitFor();
  // A user has one call at a time: the next one begins when WhatsApp knows of this one's end.
  await cast.rowThat('the first call is over', (row) => row.direction === 'outbound' && row.status === 'completed');

  await cast.callIn('+447700900002', { behaviour: 'tone' });
  await desk.at('incoming-card').waitFor();
  await press('answer');
  await desk.connected();
  await desk.hears(440);
  await press('hangup');
  await cast.rowThat('the call is completed', (row) => row.direction === 'inbound' && row.status === 'completed');
}
