// A bridged call over a path that loses one packet in ten each way (0014): what is left is heard without holes.
import { record } from '../ear.mjs';

export default async function lossy(cast) {
  await cast.knobs({ answer_webhook_ms: 50, ringing_ms: 50 });
  const desk = await cast.desk({ hz: 600 });
  await desk.dialFrom(cast.stage.bridged_number, '+447700900014');
  await desk.connected();
  await desk.hears(600);
  const call = await cast.tone(600);
  // The phone echoes: what the agent hears has crossed the lossy path twice.
  const echo = await record(desk, 5_000, [600]);
  console.log(`0014, bridged, at the desk: ${echo.told(600)}`);
  echo.intelligible(600);

  const { packets, lost, gaps, windows } = await cast.heard(call);
  const since = windows.slice(-50);
  const clear = since.filter(({ hz, db }) => Math.abs(hz - 600) < 15 && db > -40);
  const level = clear.reduce((sum, { db }) => sum + db, 0) / clear.length;
  const share = Math.round((100 * clear.length) / since.length);
  const losing = Math.round((100 * lost) / (packets + lost));
  console.log(
    `0014, bridged, at the phone: 600 Hz in ${share} % of ${since.length * 100} ms at ${level.toFixed(1)} dBFS, ` +
      `${losing} % of ${packets + lost} packets lost, ${gaps.length} gaps of more than 100 ms`,
  );
  if (share < 70) throw new Error('the customer could not follow');
  if (losing < 3 || losing > 25) throw new Error(`the path was to lose one packet in ten, not ${losing} %`);
  await desk.press('hangup');
  await cast.rowThat('the call is completed', (row) => row.status === 'completed');
}
