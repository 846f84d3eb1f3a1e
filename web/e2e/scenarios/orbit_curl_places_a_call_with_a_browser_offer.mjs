// Orbit's curl sample, with host, key and numbers changed, carries a real browser's offer.
import { spawnSync } from 'node:child_process';

import { hears, until } from '../browser.mjs';

export default async function curl(cast) {
  const { url, api_key: key, number } = cast.stage;
  const { page } = await cast.stranger({ hz: 600 });
  await page.goto(`${url}/healthz`);
  const offer = await page.evaluate(async () => {
    const peer = new RTCPeerConnection();
    window.peer = peer;
    peer.ontrack = ({ streams: [stream], track }) => {
      window.remote = stream ?? new MediaStream([track]);
      const audio = new Audio();
      audio.srcObject = window.remote;
      audio.play();
    };
    const [track] = (await navigator.mediaDevices.getUserMedia({ audio: true })).getAudioTracks();
    peer.addTrack(track, new MediaStream([track]));
    await peer.setLocalDescription(await peer.createOffer());
    await new Promise((resolve) => {
      if (peer.iceGatheringState === 'complete') resolve();
      peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && resolve();
    });
    return peer.localDescription.sdp;
  });
  const sample = spawnSync('curl', [
    '-s', '-X', 'POST', `${url}/api/v1/whatsapp/calling/calls`,
    '-H', `X-API-Key: ${key}`,
    '-H', 'Content-Type: application/json',
    '-d', JSON.stringify({ to: '+447700900002', from_phone_number_id: number.phone_number_id, sdp_offer: offer }),
  ]);
  const { data: call } = JSON.parse(sample.stdout);
  if (call?.direction !== 'outbound' || call.media_mode !== 'relay') throw new Error(`${sample.stdout}`);

  const get = (path) => fetch(`${url}/api/v1/whatsapp/calling/calls${path}`, { headers: { 'X-API-Key': key } });
  const answer = await until('the answer', async () => (await (await get(`/${call.id}`)).json()).data.sdp_answer);
  await page.evaluate((sdp) => window.peer.setRemoteDescription({ type: 'answer', sdp }), answer);
  await hears(page, '() => window.remote', 440);
  await cast.tone(600);
  await cast.rowThat('the call is in progress', (row) => row.id === call.id && row.status === 'in_progress');
  await fetch(`${url}/api/v1/whatsapp/calling/calls/${call.id}/terminate`, {
    method: 'POST',
    headers: { 'X-API-Key': key },
  });
  await cast.rowThat('the call is completed', (row) => row.id === call.id && row.status === 'completed');
}
