// WhatsApp's SDP answer says passive, active or actpass: there is sound both ways each time.
export default async function roles(cast) {
  const desk = await cast.desk({ hz: 600 });
  for (const role of ['passive', 'active', 'actpass']) {
    await cast.knobs({ dtls_role: role, answer_webhook_ms: 50, ringing_ms: 50 });
    await desk.dial('+447700900002');
    await desk.connected();
    await desk.hears(440);
    await cast.tone(600);
    await desk.press('hangup');
    await desk.free();
  }
}
