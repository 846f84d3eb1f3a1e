// Sign in, go online, dial, mute and hang up without a pointer.
import { until } from '../cast.mjs';

export default async function keyboard(cast) {
  const desk = await cast.desk({ online: false });
  const { page } = desk;
  await until('the desk to be ready', () => desk.at('go-online').isEnabled());
  await desk.at('go-online').focus();
  await page.keyboard.press('Enter');
  await desk.at('go-offline').waitFor();
  await desk.at('dial-input').focus();
  await page.keyboard.type('+447700900002');
  await page.keyboard.press('Enter');
  await desk.connected();
  await desk.hears(440);
  await desk.at('mute').focus();
  await page.keyboard.press('Space');
  await desk.at('hangup').focus();
  await page.keyboard.press('Enter');
  await desk.at('end-reason').waitFor();
}
