// A phone of another stack calls the desk. Who that is stands in PEER.
export default async function answers(cast) {
  const { hz, hears } = JSON.parse(process.env.PEER);
  const desk = await cast.desk({ hz: hears });
  const peer = await cast.peer('call');
  await desk.answer();
  await desk.connected();
  await desk.hears(hz);
  await peer.event('heard');
  await desk.press('hangup');
  await cast.rowThat('the call is completed', (row) => row.status === 'completed');
}
