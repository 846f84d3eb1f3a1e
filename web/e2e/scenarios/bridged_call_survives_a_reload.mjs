// The agent's page reloads in the middle of a bridged call: the customer hears music, then the agent again,
// and WhatsApp's side notices nothing: one stream, no gap that would end the call.
export default async function reload(cast) {
  const desk = await cast.desk({ hz: 600 });
  const phone = await cast.phone({ hz: 900 });
  await phone.calls(cast.stage.bridged_number.display_phone);
  await desk.answer();
  await phone.hears(600);
  await desk.page.reload();
  const back = performance.now();
  await phone.hearsOtherThan(600);
  await phone.hears(600);
  await desk.hears(900);
  console.log(`the agent was heard again ${Math.round(performance.now() - back)} ms after the reload`);
  const heard = await cast.heard(await cast.newest());
  if (heard.ssrcs.length !== 1) throw new Error(`WhatsApp saw ${heard.ssrcs.length} streams`);
  await desk.press('hangup');
  await cast.rowThat('the call is completed', (row) => row.status === 'completed' && row.end_reason === 'local_hangup');
}
