// Two agents race for one call: one has it, the other learns who.
export default async function race(cast) {
  const first = await cast.desk({ agent: 0, hz: 600 });
  const second = await cast.desk({ agent: 1, hz: 700 });
  const phone = await cast.phone({ hz: 900 });
  await phone.press('phone-call');
  await Promise.all([first.at('incoming-card').waitFor(), second.at('incoming-card').waitFor()]);
  // Whoever is too late has nothing to press any more, and the news of it does not stay for ever.
  const answers = [first, second].map((desk) => desk.at('answer').first().click({ timeout: 2_000 }));
  await Promise.allSettled(answers);
  const won = await Promise.race([first.connected().then(() => 0), second.connected().then(() => 1)]);
  const [winner, loser] = won === 0 ? [first, second] : [second, first];
  await loser.says('taken-by', new RegExp(cast.stage.agents[won].name));
  await winner.hears(900);
  await phone.hears(won === 0 ? 600 : 700);
  const simulated = await cast.newest();
  const accepts = await cast.requests('accept', simulated);
  if (accepts !== 1) throw new Error(`WhatsApp was asked to accept ${accepts} times`);
}
