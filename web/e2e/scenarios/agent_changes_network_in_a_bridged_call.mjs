// The agent's network changes in the middle of a bridged call: the way their sound took is gone without a word, and
// there is another, with another address. Both hear each other again within three seconds, over the same leg, and
// WhatsApp's side has one stream in which no number is skipped.
import { until } from '../cast.mjs';
import { Network, throughWays } from '../network.mjs';

/** Three seconds, and one for a machine that does much else. It takes two. */
const LIMIT_MS = 4_000;

export default async function network(cast) {
  const desk = await cast.desk({ hz: 600, before: throughWays });
  const phone = await cast.phone({ hz: 900 });
  await phone.calls(cast.stage.bridged_number.display_phone);
  await desk.at('incoming-card').waitFor();
  const call = await cast.simulated('the path to be up', ({ media_connected_ms: up }) => up);
  const { business } = await cast.wire(call);
  const ways = new Network(desk.page, business);
  try {
    await ways.change();
    await desk.answer();
    await desk.connected();
    await desk.hears(900);
    await phone.hears(600);

    ways.cut();
    await ways.change();
    const changed = performance.now();
    const after = () => Math.round(performance.now() - changed);
    const [agent, customer] = await Promise.all([
      desk.page.evaluate(backAgain, { pick: desk.ear, hz: 900 }).then(after),
      phone.page.evaluate(backAgain, { pick: phone.ear, hz: 600 }).then(after),
    ]);
    console.log(`the agent hears again after ${agent} ms, the customer after ${customer} ms`);
    if (Math.max(agent, customer) > LIMIT_MS) throw new Error(`${agent} ms and ${customer} ms are too many`);
    const sent = await desk.page.evaluate(() => window.sent.map(({ type }) => type));
    if (!sent.includes('call.restart')) throw new Error(`no new path was asked for: ${sent}`);
    if (sent.includes('call.attach')) throw new Error(`a new leg was needed: ${sent}`);

    await until('the desk to be calm', async () => /connected/i.test(await desk.at('call-state').first().textContent()));
    const { heard } = await cast.wire(call);
    if (new Set(heard.map(({ ssrc }) => ssrc)).size !== 1) throw new Error('WhatsApp saw more than one stream');
    heard.slice(1).forEach((packet, n) => {
      if (((packet.sequence - heard[n].sequence) & 0xffff) !== 1) throw new Error(`WhatsApp misses packet ${n + 1}`);
    });
  } finally {
    ways.close();
  }
  await desk.press('hangup');
  await cast.rowThat('the call is completed', (row) => row.status === 'completed' && row.end_reason === 'local_hangup');
}

/** In the page: waits until the tone is gone, then until it is there again. */
async function backAgain({ pick, hz }) {
  const stream = new Function(`return (${pick})()`)();
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(stream).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  const at = Math.round((hz * analyser.fftSize) / context.sampleRate);
  const there = () => {
    analyser.getFloatFrequencyData(bins);
    return Math.max(...bins.slice(at - 2, at + 3)) > -50;
  };
  const becomes = async (wanted) => {
    while (there() !== wanted) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  await becomes(true);
  await becomes(false);
  await becomes(true);
  await context.close();
}
