// The customer gives up: the ringing stops at the desk and the call counts as missed.
export default async function givesUp(cast) {
  const desk = await cast.desk();
  const phone = await cast.phone();
  await phone.press('phone-call');
  await desk.at('incoming-card').waitFor();
  await phone.press('phone-hangup');
  await desk.at('incoming-card').waitFor({ state: 'detached' });
  await cast.rowThat('the call is missed', (row) => row.status === 'missed' && row.end_reason === 'caller_abandoned');
}
