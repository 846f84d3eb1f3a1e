// Callers with magic suffixes, answered at the desk: sound both ways whatever the webhooks do.
export default async function callers(cast) {
  const desk = await cast.desk({ hz: 600 });
  for (const suffix of ['0002', '0009', '0014', '0015']) {
    await cast.callIn(`+44770090${suffix}`, { behaviour: 'tone' });
    await desk.answer();
    await desk.connected();
    await desk.hears(440);
    await cast.tone(600);
    await desk.press('hangup');
    await cast.rowThat(`${suffix} is completed`, (row) => row.from_phone.endsWith(suffix) && row.status === 'completed');
    await desk.free();
  }
}
