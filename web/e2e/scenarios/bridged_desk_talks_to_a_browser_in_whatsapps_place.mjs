// Chromium's own stack as WhatsApp's side of bridged calls, with nothing of the simulator's in between, out and in.
import { hears } from '../browser.mjs';

const NUMBER = '+447700900778';
const HEARD = '() => window.phone.stream';

export default async function browser(cast) {
  const bridged = cast.stage.bridged_number;
  await cast.knobs({ answer_webhook_ms: 50, ringing_ms: 50 });
  const desk = await cast.desk({ hz: 600 });
  const { page } = await cast.stranger({ hz: 900 });
  // Any page of the simulator's that is not a phone already.
  await page.goto(`${cast.stage.sim_url}/style.css`);
  await page.evaluate(becomePhone, { url: cast.stage.sim_url.replace('http', 'ws'), number: NUMBER });
  const talk = async (direction) => {
    await desk.connected();
    await desk.hears(900);
    await hears(page, HEARD, 600);
    await desk.press('hangup');
    await cast.rowThat('the call is completed', (row) => row.direction === direction && row.status === 'completed');
    await page.waitForFunction(() => window.phone.over);
    await desk.free();
  };
  await desk.dialFrom(bridged, NUMBER);
  await talk('outbound');

  await page.evaluate((to) => window.phone.call(to), bridged.display_phone);
  await desk.answer();
  await talk('inbound');
}

/** In the page: a direct phone of the simulator's (PHONE.md). It answers whoever calls. */
async function becomePhone({ url, number }) {
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  const socket = new WebSocket(`${url}/phone/ws?mode=direct&number=${encodeURIComponent(number)}`);
  const say = (message) => socket.send(JSON.stringify(message));
  await new Promise((resolve) => (socket.onmessage = resolve));

  const begin = () => {
    const peer = new RTCPeerConnection();
    peer.ontrack = ({ track }) => {
      phone.stream = new MediaStream([track]);
      // Received sound is only there for the ear once it plays.
      const speaker = new Audio();
      speaker.srcObject = phone.stream;
      void speaker.play();
    };
    peer.addTrack(microphone.getAudioTracks()[0], microphone);
    Object.assign(phone, { peer, stream: null, over: false });
    return peer;
  };
  const described = async (peer) => {
    await peer.setLocalDescription();
    while (peer.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 10));
    return peer.localDescription.sdp;
  };
  const phone = {
    async call(to) {
      say({ type: 'call', to, sdp: await described(begin()) });
    },
    async prepare({ call, sdp }) {
      const peer = begin();
      await peer.setRemoteDescription({ type: 'offer', sdp });
      say({ type: 'media', call, sdp: await described(peer) });
    },
    async incoming({ call }) {
      say({ type: 'answer', call });
    },
    async business_sdp({ sdp }) {
      // It comes with `pre_accept` and again with `accept`.
      if (phone.peer.signalingState !== 'have-local-offer') return;
      await phone.peer.setRemoteDescription({ type: 'answer', sdp });
    },
    async state({ phase }) {
      if (phase !== 'ended') return;
      phone.peer.close();
      phone.over = true;
    },
  };
  window.phone = phone;
  let last = Promise.resolve();
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    last = last.then(() => phone[message.type]?.(message));
  };
}
