// Without a microphone the agent is told why, and the call keeps ringing for somebody else.
export default async function denied(cast) {
  const deaf = await cast.desk({ agent: 0, microphone: false, online: false });
  await deaf.press('go-online');
  await deaf.says('mic-error', /microphone/i);
  const other = await cast.desk({ agent: 1, hz: 600 });
  const phone = await cast.phone({ hz: 900 });
  await phone.press('phone-call');
  await other.answer();
  await phone.hears(600);
}
