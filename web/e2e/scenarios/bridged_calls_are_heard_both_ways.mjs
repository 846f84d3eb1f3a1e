// Calls whose sound the server carries: in and out, both tones, hold music, and the agent back from hold.
export default async function bridged(cast) {
  const desk = await cast.desk({ hz: 600 });
  const phone = await cast.phone({ hz: 900 });
  await phone.calls(cast.stage.bridged_number.display_phone);
  await desk.at('incoming-card').waitFor();
  await desk.answer();
  await desk.connected();
  await desk.hears(900);
  await phone.hears(600);

  await desk.press('hold');
  await phone.hearsOtherThan(600);
  await desk.press('hold');
  await phone.hears(600);
  await desk.hears(900);
  await desk.press('hangup');
  await cast.rowThat('the call is completed', (row) => row.status === 'completed' && row.end_reason === 'local_hangup');
  await desk.free();

  await desk.dialFrom(cast.stage.bridged_number, '+447700900123');
  await phone.at('phone-answer').click();
  await desk.connected();
  await desk.hears(900);
  await phone.hears(600);
  await phone.press('phone-hangup');
  await cast.rowThat('the call is completed', (row) => row.direction === 'outbound' && row.status === 'completed');
}
