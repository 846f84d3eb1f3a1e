// 0015: Graph fails twice, then works. A failed `connect` may have placed the call, so each dial asks once, and
// the agent gives the call up or waits; the third dial is a conversation.
import { until } from '../cast.mjs';

export default async function failing(cast) {
  await cast.knobs({ answer_webhook_ms: 50, ringing_ms: 50 });
  const number = '+447700900015';
  const desk = await cast.desk({ hz: 600 });
  const asked = async () => {
    const log = await cast.control('GET', '/graph-log');
    return log.requests.filter(({ action }) => action === 'connect').length;
  };
  for (const dials of [1, 2]) {
    await desk.dial(number);
    await desk.says('call-state', /calling/i);
    await until(`dial ${dials} to reach WhatsApp`, async () => (await asked()) === dials);
    await desk.press('hangup');
    await desk.free();
  }
  await desk.dial(number);
  await desk.connected();
  await cast.tone(600);
  await desk.press('hangup');
  await cast.rowThat('the third call is completed', (row) => row.to_phone === number && row.status === 'completed');
  const times = await asked();
  if (times !== 3) throw new Error(`WhatsApp was asked ${times} times for three calls`);
}
