// A phone that answers, talks and hangs up after five seconds.
export default async function hangsUp(cast) {
  const desk = await cast.desk();
  await desk.dial('+447700900005');
  await desk.connected();
  await desk.says('end-reason', /hung up|ended/i);
  const row = await cast.rowThat('the call is completed', (r) => r.status === 'completed');
  if (row.end_reason !== 'remote_hangup') throw new Error(`ended by ${row.end_reason}`);
  if (row.duration_seconds < 4 || row.duration_seconds > 6) throw new Error(`talked ${row.duration_seconds} s`);
}
