// Every magic number that needs no bridge, dialled from the desk.
export default async function magic(cast) {
  await cast.knobs({ answer_webhook_ms: 50, ringing_ms: 50, ring_timeout_ms: 3_000 });
  const desk = await cast.desk({ hz: 600 });
  const talk = async (number, during) => {
    await desk.dial(number);
    await desk.connected();
    await during();
    await desk.press('hangup');
    await cast.rowThat(`${number} is completed`, (row) => row.to_phone === number && row.status === 'completed');
    await desk.free();
  };
  const fails = async (number, words, row) => {
    await desk.dial(number);
    await desk.says('end-reason', words);
    await cast.rowThat(`${number} ends`, (r) => r.to_phone === number && row(r));
    await desk.free();
  };

  await talk('+447700900001', () => desk.hears(600));
  await talk('+447700900002', () => desk.hears(440));
  await fails('+447700900003', /declined/i, (row) => row.end_reason === 'declined');
  await fails('+447700900004', /picked up/i, (row) => row.status === 'missed');
  await fails('+447700900006', /permission/i, (row) => row.end_reason === 'no_permission');
  await fails('+447700900007', /not on WhatsApp/i, (row) => row.end_reason === 'unreachable');
  await talk('+447700900008', () => desk.hearsNothing(1_000));
  await talk('+447700900009', () => cast.tone(600));
  await talk('+447700900010', () => cast.tone(600));
  await talk('+447700900011', () => cast.tone(600));
  await talk('+447700900014', () => cast.tone(600));
}
