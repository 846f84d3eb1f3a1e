// The agent dials a customer at a phone page; the customer answers; each hears the other's tone.
export default async function outbound(cast) {
  const desk = await cast.desk({ hz: 600 });
  const phone = await cast.phone({ hz: 900, number: '+447700900123' });
  await desk.dial('+447700900123');
  await phone.at('phone-answer').click();
  await desk.connected();
  await desk.hears(900);
  await phone.hears(600);
  await phone.press('phone-hangup');
  await desk.at('end-reason').waitFor();
  await cast.rowThat('the call is completed', (row) => row.status === 'completed' && row.end_reason === 'remote_hangup');
}
