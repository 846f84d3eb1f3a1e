// What WhatsApp's side captures of a bridged call that is held, resumed and survives a reload of the agent's page:
// no sound before the answer, the same SDP twice, one stream, no number skipped, no jump in time.

import { record } from '../ear.mjs';

/** The clock of Opus (RFC 7587 section 4.1). */
const RATE = 48_000;
/** Sound may come this much later or earlier than its timestamp says; a listener's buffer covers it. */
const SLACK_MS = 400;

export default async function unbroken(cast) {
  const desk = await cast.desk({ hz: 600 });
  const phone = await cast.phone({ hz: 900 });
  await phone.calls(cast.stage.bridged_number.display_phone);
  await desk.at('incoming-card').waitFor();
  await desk.answer();
  const dwell = () => record(phone, 1_000, [600]);
  await phone.hears(600);
  await dwell();
  await desk.press('hold');
  await phone.hearsOtherThan(600);
  await dwell();
  await desk.press('hold');
  await phone.hears(600);
  await dwell();
  await desk.page.reload();
  await phone.hearsOtherThan(600);
  await phone.hears(600);
  await desk.hears(900);
  await dwell();
  const call = await cast.newest();
  const { heard } = await cast.wire(call);
  await desk.press('hangup');
  await cast.rowThat('the call is completed', (row) => row.status === 'completed');

  const { requests } = await cast.control('GET', '/graph-log');
  const [pre, accept] = ['pre_accept', 'accept'].map((action) =>
    requests.filter((request) => request.call === call.id && request.action === action),
  );
  if (pre.length !== 1 || accept.length !== 1) throw new Error(`asked ${pre.length} and ${accept.length} times`);
  if (pre[0].sdp_sha256 !== accept[0].sdp_sha256) throw new Error('another SDP in accept than in pre_accept');

  const answered = accept[0].at_ms + accept[0].took_ms;
  if (heard[0].at_ms < answered) throw new Error(`sound ${answered - heard[0].at_ms} ms before the 200 of accept`);
  console.log(`${heard.length} packets, the first ${heard[0].at_ms - answered} ms after the 200 of accept`);
  const streams = new Set(heard.map(({ ssrc }) => ssrc));
  if (streams.size !== 1) throw new Error(`${streams.size} streams`);

  let drift = { least: 0, most: 0 };
  let time = 0;
  heard.slice(1).forEach((packet, n) => {
    const before = heard[n];
    const step = (packet.sequence - before.sequence) & 0xffff;
    const ticks = (packet.timestamp - before.timestamp) | 0;
    const what = `packet ${n + 1}: ${JSON.stringify([before, packet])}`;
    if (step !== 1) throw new Error(`a number is skipped or comes again at ${what}`);
    if (ticks < 0) throw new Error(`time runs backwards at ${what}`);
    time += (ticks * 1_000) / RATE;
    const late = packet.at_ms - heard[0].at_ms - time;
    drift = { least: Math.min(drift.least, late), most: Math.max(drift.most, late) };
  });
  console.log(`timestamps against arrival: ${Math.round(drift.least)} to ${Math.round(drift.most)} ms`);
  if (drift.most - drift.least > SLACK_MS) throw new Error('the timestamps leave the clock');
}
