// The only agent declines: the customer's phone stops ringing.
export default async function declines(cast) {
  const desk = await cast.desk();
  const phone = await cast.phone();
  await phone.press('phone-call');
  await desk.press('decline');
  await desk.at('incoming-card').waitFor({ state: 'detached' });
  await phone.says('phone-last', /rejected/i);
  await cast.rowThat('the call is declined', (row) => row.end_reason === 'agent_rejected');
}
