// The customer's keys are shown to the agent, and the agent's keys reach the customer's phone.
import { until } from '../cast.mjs';

export default async function keys(cast) {
  const desk = await cast.desk({ hz: 600 });
  await desk.dialFrom(cast.stage.bridged_number, '+447700900011');
  await desk.connected();
  await desk.says('digits-heard', /1 2 3 #/);

  await desk.press('keypad');
  await desk.press('key-1');
  await desk.press('key-2');
  await desk.page.keyboard.type('3#');
  await cast.simulated('the phone to see the keys', async (call) => (await cast.heard(call))?.keys === '123#');
  await desk.says('digits-sent', /123#/);
  await until('the desk to talk on', () => desk.at('hangup').isVisible());
}
