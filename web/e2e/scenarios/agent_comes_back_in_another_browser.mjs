// The agent's browser dies in a bridged call; they sign in with another one: the customer hears music meanwhile,
// then the agent again.
export default async function another(cast) {
  const desk = await cast.desk({ hz: 600 });
  const phone = await cast.phone({ hz: 900 });
  await phone.calls(cast.stage.bridged_number.display_phone);
  await desk.answer();
  await phone.hears(600);
  await desk.hears(900);
  await desk.who.kill();
  await phone.hearsOtherThan(600);

  const again = await cast.desk({ hz: 700, online: false });
  await again.at('attach').waitFor();
  const back = performance.now();
  await again.press('attach');
  await phone.hears(700);
  console.log(`the agent was heard again ${Math.round(performance.now() - back)} ms after they came back`);
  await again.hears(900);
  const heard = await cast.heard(await cast.newest());
  if (heard.ssrcs.length !== 1) throw new Error(`WhatsApp saw ${heard.ssrcs.length} streams`);
  const longest = Math.max(0, ...heard.gaps.map(({ length_ms: length }) => length));
  console.log(`the longest silence on the wire to WhatsApp was ${longest} ms`);
  await again.press('hangup');
  await cast.rowThat('the call is completed', (row) => row.status === 'completed' && row.end_reason === 'local_hangup');
}
