// One key opens the list, Tab goes to the colleague, Enter transfers; Escape would have brought the keyboard back.
import { TONES, until } from '../cast.mjs';

/** More steps than the list has places to stop at. */
const MOST_STEPS = 20;

export default async function keyboard(cast) {
  const { ada, ben, phone } = await cast.bridged();
  const { page } = ada;
  await page.keyboard.press('t');
  await until('the panel to have the keyboard', () =>
    page.evaluate(() => document.activeElement?.dataset.testid === 'panel'),
  );
  await page.keyboard.press('Escape');
  await until('the button to have the keyboard', () =>
    page.evaluate(() => document.activeElement?.dataset.testid === 'transfer'),
  );
  await page.keyboard.press('Enter');
  await ada.page.locator('[data-testid=colleague][data-name=Ben] [data-testid=transfer-now]:enabled').waitFor();
  const there = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') === 'Transfer to Ben');
  for (let step = 0; !(await there()); step += 1) {
    if (step === MOST_STEPS) throw new Error('Tab does not lead to Ben');
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Enter');
  await ben.at('incoming-card').waitFor();
  await ben.page.keyboard.press('a');
  await ben.hearsOnly(TONES.customer);
  await phone.hearsOnly(TONES.ben);
}
