// A WebRTC peer for the tests: Chromium says a tone, listens, and tells what it heard.
//
// Speaks the JSON lines of peer.py and {"op": "press"}, which presses 1 2 3 #; {"op": "restart"}, which offers a new
// path without waiting for candidates; {"op": "watch"} and {"op": "watched"}, between which the longest time without a
// packet is taken, and the streams that were seen; {"op": "flows"}, which waits for half a second of packets. The tone's frequency is the first argument.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
  ],
});
const page = await browser.newPage();

await page.evaluate((hz) => {
  const context = new AudioContext();
  const oscillator = new OscillatorNode(context, { frequency: hz });
  const volume = new GainNode(context, { gain: 0.4 });
  const out = context.createMediaStreamDestination();
  oscillator.connect(volume).connect(out);
  oscillator.start();

  const pc = new RTCPeerConnection();
  const sender = pc.addTrack(out.stream.getAudioTracks()[0], out.stream);
  const analyser = new AnalyserNode(context, { fftSize: 32768, smoothingTimeConstant: 0 });
  pc.ontrack = (event) => {
    const stream = new MediaStream([event.track]);
    // Without an element that plays it, Chromium does not decode what it receives.
    const element = new Audio();
    element.srcObject = stream;
    element.muted = true;
    void element.play();
    context.createMediaStreamSource(stream).connect(analyser);
  };

  let watched;
  const gathered = () =>
    new Promise((done) => {
      const check = () => pc.iceGatheringState === "complete" && done(pc.localDescription.sdp);
      pc.onicegatheringstatechange = check;
      check();
    });

  globalThis.peer = {
    async offer() {
      await pc.setLocalDescription(await pc.createOffer());
      return { sdp: await gathered() };
    },
    async answer(sdp) {
      await pc.setRemoteDescription({ type: "offer", sdp });
      await pc.setLocalDescription(await pc.createAnswer());
      return { sdp: await gathered() };
    },
    async accept(sdp) {
      await pc.setRemoteDescription({ type: "answer", sdp });
      return {};
    },
    async heard() {
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      const loudest = bins.reduce((best, value, n) => (value > bins[best] ? n : best), 0);
      const samples = new Float32Array(analyser.fftSize);
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      return {
        hz: (loudest * context.sampleRate) / analyser.fftSize,
        level: 32768 * Math.sqrt(power),
        state: pc.connectionState,
      };
    },
    async tones(_sdp, wanted) {
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      const at = (hz) => Math.round((hz * analyser.fftSize) / context.sampleRate);
      return { tones: wanted.map((hz) => Math.max(-200, bins[at(hz)])) };
    },
    async restart() {
      await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
      return { sdp: pc.localDescription.sdp };
    },
    async watch() {
      const seen = { longest: 0, ssrcs: new Set(), ufrags: new Set() };
      let [packets, at] = [0, performance.now()];
      const look = async () => {
        const stats = [...(await pc.getStats()).values()];
        const sound = stats.filter(({ type }) => type === "inbound-rtp" || type === "outbound-rtp");
        for (const { type, ssrc } of sound) seen.ssrcs.add(`${type} ${ssrc}`);
        const received = stats.find(({ type }) => type === "inbound-rtp")?.packetsReceived ?? 0;
        const now = performance.now();
        seen.longest = Math.max(seen.longest, now - at);
        if (received > packets) [packets, at] = [received, now];
        seen.packets = packets;
        const transport = stats.find(({ type }) => type === "transport");
        seen.ufrags.add(transport?.iceLocalUsernameFragment);
        if (seen.on) setTimeout(look, 5);
      };
      seen.on = true;
      watched = seen;
      await look();
      return {};
    },
    async flows() {
      const { packets } = watched;
      while (watched.packets < packets + 25) await new Promise((done) => setTimeout(done, 5));
      return {};
    },
    async watched() {
      watched.on = false;
      return { longest: watched.longest, ssrcs: watched.ssrcs.size, ufrags: watched.ufrags.size };
    },
    async press() {
      sender.dtmf.insertDTMF("123#", 120, 80);
      return {};
    },
    async close() {
      pc.close();
      return {};
    },
  };
}, Number(process.argv[2]));

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  const reply = await page.evaluate(({ op, sdp, hz }) => globalThis.peer[op](sdp, hz), command);
  process.stdout.write(JSON.stringify(reply) + "\n");
}
await browser.close();
