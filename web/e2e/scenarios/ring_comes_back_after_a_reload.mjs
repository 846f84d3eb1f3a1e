// The page reloads while it rings; the ring is back and the call can be taken.
export default async function reload(cast) {
  const desk = await cast.desk({ hz: 600 });
  const phone = await cast.phone({ hz: 900 });
  await phone.press('phone-call');
  await desk.at('incoming-card').waitFor();
  await desk.page.reload();
  await desk.at('incoming-card').waitFor();
  await desk.answer();
  await desk.hears(900);
  await phone.hears(600);
}
