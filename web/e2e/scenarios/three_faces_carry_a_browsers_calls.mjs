// The samples of Orbit, Vobiz and 360dialog place and answer calls for a browser that brings its own SDP, and both
// sides hear each other. The records are the same whichever face was used.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { hears, until } from '../browser.mjs';

const SAMPLES = fileURLToPath(new URL('../../../docs/api/examples', import.meta.url));

export default async function faces(cast) {
  const { url, api_key: key, account_id: account, number } = cast.stage;
  const folder = mkdtempSync(join(tmpdir(), 'faces-'));
  const { page } = await cast.stranger({ hz: 600 });
  await page.goto(`${url}/healthz`);

  const orbit = async (path, body) => {
    const reply = await fetch(`${url}/api/v1/whatsapp/calling/calls${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { 'X-API-Key': key, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    if (!reply.ok) throw new Error(await reply.text());
    return (await reply.json()).data;
  };
  const sample = (name, words) => {
    const program = name.endsWith('.sh') ? 'sh' : 'node';
    const { SDP, ...rest } = words;
    const env = {
      ...process.env,
      ...rest,
      VOBIZ_URL: `${url}/api/v1/messaging`,
      VOBIZ_AUTH_ID: account,
      VOBIZ_AUTH_TOKEN: key,
      VOBIZ_CHANNEL_ID: number.channel_id,
      D360_URL: url,
      D360_API_KEY: number.d360_api_key,
    };
    if (SDP) {
      env.SDP_FILE = join(folder, 'sdp');
      writeFileSync(env.SDP_FILE, SDP);
    }
    const { status, stdout, stderr } = spawnSync(program, [join(SAMPLES, name)], { env, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${name}: ${stdout}${stderr}`);
    return JSON.parse(stdout);
  };
  const face = {
    orbit: {
      place: (to, offer) => orbit('', { to, from_phone_number_id: number.phone_number_id, sdp_offer: offer }),
      act: (id, action, sdp) => orbit(`/${encodeURIComponent(id)}/${action}`, sdp ? { sdp_answer: sdp } : {}),
    },
    vobiz: {
      place: (to, offer) => sample('vobiz/initiate.sh', { TO: to, SDP: offer }),
      act: (id, action, sdp) => sample('vobiz/action.mjs', { CALL_ID: id, ACTION: action, SDP: sdp }),
    },
    d360: {
      place: (to, offer) => sample('d360/connect.mjs', { TO: to, SDP: offer }),
      act: (id, action, sdp) => sample('d360/action.sh', { CALL_ID: id, ACTION: action, SDP: sdp }),
    },
  };
  const row = (what, wanted) => cast.rowThat(what, wanted);
  const records = { placed: [], answered: [] };
  const keep = (list, record) => {
    const { direction, status, end_reason, agent_id } = record;
    records[list].push(JSON.stringify({ direction, status, end_reason, agent_id }));
  };

  for (const [nth, name] of Object.keys(face).entries()) {
    const to = `+4477009${nth}0002`;
    const offer = await page.evaluate(describe, undefined);
    await face[name].place(to, offer);
    const placed = await row(`${name} has placed`, (it) => it.to_phone === to && it.meta_call_id);
    const answer = await until('the answer', async () => (await orbit(`/${placed.id}`)).sdp_answer);
    await page.evaluate((sdp) => window.peer.setRemoteDescription({ type: 'answer', sdp }), answer);
    await hears(page, '() => window.remote', 440);
    await cast.tone(600);
    await face[name].act(placed.meta_call_id, 'terminate');
    keep('placed', await row(`${name} has ended`, (it) => it.id === placed.id && it.status === 'completed'));

    const from = `+4477008${nth}0002`;
    await cast.callIn(from, { behaviour: 'tone' });
    const ringing = await row(`${name} is called`, (it) => it.from_phone === from && it.status === 'queued');
    const { sdp_offer: theirs } = await orbit(`/${ringing.id}`);
    const ours = await page.evaluate(describe, theirs);
    await face[name].act(ringing.meta_call_id, 'pre_accept', ours);
    await face[name].act(ringing.meta_call_id, 'accept', ours);
    await hears(page, '() => window.remote', 440);
    await cast.tone(600);
    await face[name].act(ringing.meta_call_id, 'terminate');
    keep('answered', await row(`${name} has hung up`, (it) => it.id === ringing.id && it.status === 'completed'));
  }
  for (const [list, all] of Object.entries(records)) {
    if (new Set(all).size !== 1) throw new Error(`${list}: the records differ by face: ${all.join(' ')}`);
  }
}

/** In the page: a complete offer, or the answer to one. */
async function describe(offer) {
  window.peer?.close();
  const peer = new RTCPeerConnection();
  window.peer = peer;
  peer.ontrack = ({ streams: [stream], track }) => {
    window.remote = stream ?? new MediaStream([track]);
    const audio = new Audio();
    audio.srcObject = window.remote;
    audio.play();
  };
  const [track] = (await navigator.mediaDevices.getUserMedia({ audio: true })).getAudioTracks();
  if (offer) await peer.setRemoteDescription({ type: 'offer', sdp: offer });
  peer.addTrack(track, new MediaStream([track]));
  await peer.setLocalDescription(await (offer ? peer.createAnswer() : peer.createOffer()));
  await new Promise((resolve) => {
    if (peer.iceGatheringState === 'complete') resolve();
    peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && resolve();
  });
  return peer.localDescription.sdp;
}
