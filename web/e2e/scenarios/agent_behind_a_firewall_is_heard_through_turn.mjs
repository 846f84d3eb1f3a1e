// An agent whose browser may use the TURN server only: relayed and bridged calls, in and out, both tones.
export default async function turn(cast) {
  const desk = await cast.desk({ hz: 600, relayOnly: true });
  const phone = await cast.phone({ hz: 900 });
  const { number, bridged_number: bridged } = cast.stage;

  await desk.dial('+447700900123');
  await phone.at('phone-answer').click();
  await talk('relayed, placed');

  await phone.calls(number.display_phone);
  await desk.answer();
  await talk('relayed, answered');

  await phone.calls(bridged.display_phone);
  await desk.answer();
  await talk('bridged, answered');

  await desk.dialFrom(bridged, '+447700900123');
  await phone.at('phone-answer').click();
  await talk('bridged, placed');

  async function talk(what) {
    const began = performance.now();
    await desk.connected();
    await desk.hears(900);
    await phone.hears(600);
    console.log(`${what}: heard both ways ${Math.round(performance.now() - began)} ms after the answer`);
    const path = await desk.path();
    if (path !== 'relay') throw new Error(`${what}: the sound goes over a candidate of type ${path}`);
    await desk.press('hangup');
    await desk.free();
    await phone.free();
  }
}
