// While a phone rings, neither side hears the other and no packet of ours has left.
export default async function quiet(cast) {
  await cast.knobs({ answer_webhook_ms: 50, ringing_ms: 50 });
  const desk = await cast.desk({ hz: 600 });
  const phone = await cast.phone({ hz: 900 });
  await desk.dial('+447700900123');
  await phone.at('phone-answer').waitFor();
  await desk.says('call-state', /ringing/i);
  await desk.hearsNothing(1_500);
  const ringing = await cast.newest();
  const heard = await cast.heard(ringing);
  if (heard.packets !== 0) throw new Error(`${heard.packets} packets reached WhatsApp before the answer`);
  await phone.press('phone-answer');
  await desk.hears(900);
  await phone.hears(600);
}
