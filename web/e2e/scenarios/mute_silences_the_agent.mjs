// A muted agent is not heard, and is again afterwards. The customer is heard all the time.
export default async function mute(cast) {
  const desk = await cast.desk({ hz: 600 });
  const phone = await cast.phone({ hz: 900 });
  await phone.press('phone-call');
  await desk.answer();
  await phone.hears(600);
  await desk.press('mute');
  await phone.goesQuiet();
  await desk.hears(900);
  await desk.press('mute');
  await phone.hears(600);
}
