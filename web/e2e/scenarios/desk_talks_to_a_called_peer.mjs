// The desk calls a phone that another stack answers. Who that is stands in PEER.
export default async function calls(cast) {
  const { number, hz, hears } = JSON.parse(process.env.PEER);
  const desk = await cast.desk({ hz: hears });
  const peer = await cast.peer('answer');
  await desk.dial(number);
  await desk.connected();
  await desk.hears(hz);
  await peer.event('heard');
  await desk.press('hangup');
  await cast.rowThat('the call is completed', (row) => row.status === 'completed');
}
