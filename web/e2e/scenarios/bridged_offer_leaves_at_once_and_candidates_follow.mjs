// A bridged call's offer does not wait for addresses: it leaves with none, they follow, and the server uses them.
import { throughWays } from '../network.mjs';
import { until } from '../cast.mjs';

export default async function trickle(cast) {
  const desk = await cast.desk({ hz: 600, before: throughWays });
  const phone = await cast.phone({ hz: 900 });
  await desk.dialFrom(cast.stage.bridged_number, '+447700900123');
  await phone.at('phone-answer').click();
  await desk.connected();
  await desk.hears(900);
  await phone.hears(600);
  const sent = await desk.page.evaluate(() => window.sent);
  const { sdp } = sent.find(({ type }) => type === 'call.place');
  if (sdp.includes('a=candidate')) throw new Error(`the offer waited for addresses: ${sdp}`);
  const followed = sent.filter(({ type }) => type === 'call.candidate').map(({ candidate }) => candidate);
  if (!followed.some((line) => / typ host/.test(line))) throw new Error(`no address followed: ${followed}`);
  if (followed.at(-1) !== '') throw new Error('nobody said that there are no more');
  // Known by its name: an address that only showed itself would be a `prflx`.
  await until('the server to say how it reaches the page', () =>
    desk.page.evaluate(() => window.offhook.calls[0]?.qualityOf(window.offhook.device.identity.id)?.candidate === 'host'),
  );
  await desk.press('hangup');
  await cast.rowThat('the call is completed', (row) => row.status === 'completed' && row.end_reason === 'local_hangup');
}
