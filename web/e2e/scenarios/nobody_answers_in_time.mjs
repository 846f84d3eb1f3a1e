// Nobody picks up, neither here nor there: both calls end as missed.
export default async function nobody(cast) {
  await cast.knobs({ accept_window_ms: 3_000, ring_timeout_ms: 3_000, answer_webhook_ms: 50, ringing_ms: 50 });
  const desk = await cast.desk();
  await cast.callIn('+447700900123');
  await desk.at('incoming-card').waitFor();
  await desk.at('incoming-card').waitFor({ state: 'detached' });
  await cast.rowThat('the inbound call is missed', (row) => row.direction === 'inbound' && row.status === 'missed');
  await desk.dial('+447700900004');
  await desk.says('end-reason', /picked up/i);
  await cast.rowThat('the outbound call is missed', (row) => row.direction === 'outbound' && row.status === 'missed');
}
