// What a caller's phone or path does is seen and heard at the desk: keys (0011), loss (0014), no sound (0008).
import { noteKeys, record } from '../ear.mjs';
import { until } from '../cast.mjs';

export default async function troubled(cast) {
  await cast.knobs({ answer_webhook_ms: 50, ringing_ms: 50 });
  const desk = await cast.desk({ hz: 600, before: noteKeys });
  const quality = (grade) =>
    until(`the chip to be ${grade}`, async () => {
      const is = await desk.at('quality-chip').getAttribute('data-grade', { timeout: 200 }).catch(() => undefined);
      return grade.test(is ?? '');
    }, 30_000);
  const over = async (number) => {
    await desk.press('hangup');
    await cast.rowThat(`${number} is completed`, (row) => row.to_phone === number && row.status === 'completed');
    await desk.free();
  };

  await desk.dial('+447700900011');
  await desk.connected();
  await until('the keys', () => desk.page.evaluate(() => window.keysReceived === '123#')).catch(async (error) => {
    throw new Error(`${error.message}; came: ${await desk.page.evaluate(() => window.keysReceived)}`);
  });
  await desk.hears(600);
  await over('+447700900011');

  await desk.dial('+447700900014');
  await desk.connected();
  await desk.hears(600);
  await quality(/fair|poor/);
  await desk.press('quality-chip');
  await desk.says('quality-details', /Lost\s*([5-9]|1\d|2\d)/);
  await desk.press('quality-chip');
  const lossy = await record(desk, 4_000, [600]);
  console.log(`0014, relayed, at the desk: ${lossy.told(600)}`);
  lossy.intelligible(600);
  await cast.tone(600);
  await over('+447700900014');

  await desk.dial('+447700900008');
  await desk.connected();
  await desk.says('quality-chip', /no sound/i, 30_000);
  await desk.hearsNothing(500);
  await over('+447700900008');
}
