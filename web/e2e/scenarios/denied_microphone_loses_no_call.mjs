// An agent without a microphone tries to answer: they are told why, the call rings on, a colleague takes it.
export default async function denied(cast) {
  const deaf = await cast.desk({ agent: 0, microphone: false, online: false });
  await deaf.pressWhenReady('go-online');
  await deaf.says('mic-error', /microphone/i);
  const other = await cast.desk({ agent: 1, hz: 600 });
  const phone = await cast.phone({ hz: 900 });
  await phone.press('phone-call');
  await deaf.press('answer');
  await deaf.says('mic-error', /microphone/i);
  await deaf.at('incoming-card').waitFor();
  await other.answer();
  await phone.hears(600);
  await other.hears(900);
}
