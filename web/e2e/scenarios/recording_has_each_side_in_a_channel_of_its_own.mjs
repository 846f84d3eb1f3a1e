// A recording has the customer in one channel and the agent in the other, without what was said in its pause, and
// plays in a browser from a link.
import { TONES, until } from '../cast.mjs';
import { record } from '../ear.mjs';

const RECORDED = [TONES.customer, TONES.ada];

export default async function recording(cast) {
  const { ada, phone } = await cast.bridged({ second: false });
  await ada.press('record');
  await ada.says('recording-state', /recording/i);
  await talk(ada, 2_000);
  await ada.press('record-pause');
  await ada.says('recording-state', /paused/i);
  await talk(ada, 1_500);
  await ada.press('record-pause');
  await ada.says('recording-state', /recording/i);
  await talk(ada, 1_000);
  await ada.press('hangup');
  await phone.free();

  const row = await cast.rowThat('the call to be over', (row) => row.status === 'completed');
  const recordings = await until('the recording to be stored', async () => {
    const found = await orbit(cast, 'GET', `/calls/${row.id}/recordings`);
    return found[0]?.stored ? found : undefined;
  });
  const [{ id, state, length_ms: length, parties }] = recordings;
  if (state !== 'complete' || recordings.length !== 1) throw new Error(`not one whole one: ${JSON.stringify(recordings)}`);
  const kinds = parties.map(({ kind }) => kind).join(' ');
  if (kinds !== 'customer agent') throw new Error(`who is on it: ${kinds}`);

  const link = await orbit(cast, 'POST', `/recordings/${id}/link`, { what: 'stereo' });
  const file = await fetch(new URL(link.url, cast.stage.url));
  const ogg = Buffer.from(await file.arrayBuffer()).toString('base64');
  const channels = await ada.page.evaluate(tonesOf, { ogg, tones: RECORDED });
  const told = `${length} ms, ${JSON.stringify(channels)}`;
  console.log(`recorded: ${told}`);
  const [left, right] = channels;
  const own = (channel, mine, theirs) => channel[mine] > 0.6 && channel[theirs] < 0.05;
  if (!own(left, TONES.customer, TONES.ada) || !own(right, TONES.ada, TONES.customer)) throw new Error(told);
  // Both stretches and what pressing takes; the pause is not in it.
  if (length < 2_500 || length > 5_500) throw new Error(`the pause is cut out: ${told}`);
}

/** Lets the two talk for a while: what is heard is the clock. */
async function talk(desk, ms) {
  const heard = await record(desk, ms, [TONES.customer]);
  heard.intelligible(TONES.customer);
}

async function orbit(cast, method, path, body) {
  const reply = await fetch(`${cast.stage.url}/api/v1/whatsapp/calling${path}`, {
    method,
    headers: { 'X-API-Key': cast.stage.api_key, ...(body && { 'Content-Type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });
  const answer = await reply.json();
  if (!reply.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
  return answer.data;
}

/** In the page: what share of each channel's energy is of which tone, over windows of a tenth of a second. */
async function tonesOf({ ogg, tones }) {
  const bytes = Uint8Array.from(atob(ogg), (letter) => letter.charCodeAt(0));
  const sound = await new OfflineAudioContext(2, 1, 48_000).decodeAudioData(bytes.buffer);
  const size = sound.sampleRate / 10;
  return [0, 1].map((n) => {
    const samples = sound.getChannelData(n);
    const sums = Object.fromEntries(tones.map((hz) => [hz, 0]));
    let energy = 0;
    for (let at = 0; at + size <= samples.length; at += size) {
      const window = samples.subarray(at, at + size);
      energy += window.reduce((sum, value) => sum + value * value, 0);
      for (const hz of tones) {
        let [re, im] = [0, 0];
        window.forEach((value, k) => {
          const angle = (2 * Math.PI * hz * k) / sound.sampleRate;
          re += value * Math.cos(angle);
          im += value * Math.sin(angle);
        });
        sums[hz] += (2 * (re * re + im * im)) / size;
      }
    }
    return Object.fromEntries(tones.map((hz) => [hz, energy === 0 ? 0 : sums[hz] / energy]));
  });
}
