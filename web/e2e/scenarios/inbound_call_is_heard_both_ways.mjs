// A customer at a phone page calls; the agent answers; each hears the other's tone.
export default async function inbound(cast) {
  const desk = await cast.desk({ hz: 600 });
  const phone = await cast.phone({ hz: 900 });
  await phone.press('phone-call');
  await desk.at('incoming-card').waitFor();
  await desk.answer();
  await desk.connected();
  await desk.hears(900);
  await phone.hears(600);
  await desk.press('hangup');
  await desk.at('end-reason').waitFor();
  await cast.rowThat('the call is completed', (row) => row.status === 'completed' && row.end_reason === 'local_hangup');
}
