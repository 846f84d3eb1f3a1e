// Another stack as WhatsApp's side of bridged calls, out and in, with each way of protecting sound alone.
export default async function ciphers(cast) {
  const { number, hz, hears } = JSON.parse(process.env.PEER);
  const bridged = cast.stage.bridged_number;
  await cast.knobs({ answer_webhook_ms: 50, ringing_ms: 50 });
  const desk = await cast.desk({ hz: hears });
  const talk = async (peer, direction) => {
    await desk.connected();
    await desk.hears(hz);
    await peer.event('heard');
    await desk.press('hangup');
    await cast.rowThat('the call is completed', (row) => row.direction === direction && row.status === 'completed');
    await peer.event('over');
    await desk.free();
  };
  for (const srtp of ['SRTP_AEAD_AES_128_GCM', 'SRTP_AES128_CM_SHA1_80']) {
    const called = await cast.peer('answer', { srtp });
    await desk.dialFrom(bridged, number);
    await talk(called, 'outbound');

    const calling = await cast.peer('call', { srtp, to: bridged.display_phone });
    await desk.answer();
    await talk(calling, 'inbound');
  }
}
