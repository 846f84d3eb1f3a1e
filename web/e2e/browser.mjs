// Real Chromium with fake devices: one browser per person, so that each has a tone of their own.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const RATE = 48_000;

/** A WAV file of one second of a tone; Chromium loops it as the microphone. */
function toneFile(folder, hz) {
  const samples = RATE;
  const data = Buffer.alloc(44 + samples * 2);
  data.write('RIFF', 0);
  data.writeUInt32LE(36 + samples * 2, 4);
  data.write('WAVEfmt ', 8);
  data.writeUInt32LE(16, 16);
  data.writeUInt16LE(1, 20);
  data.writeUInt16LE(1, 22);
  data.writeUInt32LE(RATE, 24);
  data.writeUInt32LE(RATE * 2, 28);
  data.writeUInt16LE(2, 32);
  data.writeUInt16LE(16, 34);
  data.write('data', 36);
  data.writeUInt32LE(samples * 2, 40);
  for (let n = 0; n < samples; n += 1) {
    data.writeInt16LE(Math.round(Math.sin((2 * Math.PI * hz * n) / RATE) * 12_000), 44 + n * 2);
  }
  const path = join(folder, `${hz}.wav`);
  writeFileSync(path, data);
  return path;
}

/**
 * Starts a browser whose microphone plays a tone.
 * `before` runs in the page ahead of its own scripts.
 * `microphone: false` makes every request for it fail as a person's refusal does.
 * `relayOnly: true` leaves it no addresses but a TURN server's, and keeps its connections in `window.peers`.
 */
export async function person({
  hz = 600,
  microphone = true,
  viewport,
  colorScheme,
  storageState,
  relayOnly,
  before,
} = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'offhook-e2e-'));
  const grant = microphone
    ? ['--use-fake-ui-for-media-stream']
    : ['--deny-permission-prompts'];
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-audio-capture=${toneFile(folder, hz)}`,
      ...grant,
      '--autoplay-policy=no-user-gesture-required',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--disable-quic',
    ],
  });
  const context = await browser.newContext({ viewport, colorScheme, storageState });
  if (relayOnly) await context.addInitScript(relayedOnly);
  const page = await context.newPage();
  if (before) await page.addInitScript(before);
  const log = [];
  page.on('console', (message) => log.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => log.push(`pageerror: ${error.message}`));
  return {
    browser,
    context,
    page,
    log,
    /** Ends the browser as a crash does: nothing is said to anybody. */
    async kill() {
      const session = await browser.newBrowserCDPSession();
      const gone = new Promise((resolve) => browser.once('disconnected', resolve));
      // It dies before it can reply.
      session.send('Browser.crash').catch(() => undefined);
      await gone;
    },
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs in the page, before its own scripts. */
function relayedOnly() {
  window.peers = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super({ ...configuration, iceTransportPolicy: 'relay' });
      window.peers.push(this);
    }
  };
}

/** Waits until `look` returns something, asking every 50 ms. */
export async function until(what, look, ms = 15_000) {
  const end = performance.now() + ms;
  let last;
  for (;;) {
    last = await look();
    if (last) return last;
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * Measures a stream in a page: `pick` is the source of a function that returns the MediaStream.
 * Returns the strongest frequency and the level of the moment.
 */
export async function listen(page, pick) {
  return page.evaluate(async (source) => {
    const stream = new Function(`return (${source})()`)();
    if (!stream) return { hz: 0, level: 0 };
    window.listening ??= new Map();
    let ear = window.listening.get(stream.id);
    if (!ear) {
      const audio = new AudioContext();
      const analyser = audio.createAnalyser();
      analyser.fftSize = 8192;
      analyser.smoothingTimeConstant = 0;
      audio.createMediaStreamSource(stream).connect(analyser);
      ear = { audio, analyser };
      window.listening.set(stream.id, ear);
    }
    await ear.audio.resume();
    const wave = new Float32Array(ear.analyser.fftSize);
    const bins = new Float32Array(ear.analyser.frequencyBinCount);
    ear.analyser.getFloatTimeDomainData(wave);
    ear.analyser.getFloatFrequencyData(bins);
    const level = Math.sqrt(wave.reduce((sum, value) => sum + value * value, 0) / wave.length);
    let best = 3;
    for (let bin = 3; bin < bins.length; bin += 1) if (bins[bin] > bins[best]) best = bin;
    return { hz: (best * ear.audio.sampleRate) / ear.analyser.fftSize, level };
  }, pick);
}

/** Waits until a stream carries a tone. */
export async function hears(page, pick, hz, ms = 15_000) {
  let last;
  await until(
    `a tone of ${hz} Hz`,
    async () => {
      last = await listen(page, pick);
      return last.level > 0.01 && Math.abs(last.hz - hz) < 15;
    },
    ms,
  ).catch((error) => {
    throw new Error(`${error.message}; last heard ${JSON.stringify(last)}`);
  });
  return last;
}

/**
 * Which of these tones are in a stream at this moment, all at once: a peak that stands out of what is beside it.
 * Microphones play these tones only, and the music has none of them for long.
 */
async function tonesIn(page, pick, tones) {
  await listen(page, pick);
  return page.evaluate(
    ([source, wanted]) => {
      const stream = new Function(`return (${source})()`)();
      const ear = stream && window.listening?.get(stream.id);
      if (!ear) return [];
      const bins = new Float32Array(ear.analyser.frequencyBinCount);
      ear.analyser.getFloatFrequencyData(bins);
      const width = ear.audio.sampleRate / ear.analyser.fftSize;
      const loudest = (from, to) => Math.max(...bins.slice(Math.round(from / width), Math.round(to / width) + 1));
      return wanted.filter((hz) => {
        const peak = loudest(hz - 8, hz + 8);
        return peak > -50 && peak > Math.max(loudest(hz - 60, hz - 30), loudest(hz + 30, hz + 60)) + 12;
      });
    },
    [pick, tones],
  );
}

/** Waits until a stream carries all of `wanted` at once and none of `others`, ten looks in a row. */
export async function hearsTones(page, pick, wanted, others, ms = 15_000) {
  let last;
  let steady = 0;
  await until(
    `the tones ${wanted.join(', ') || 'of nobody'} and not ${others.join(', ')}`,
    async () => {
      last = await tonesIn(page, pick, [...wanted, ...others]);
      const right = wanted.every((hz) => last.includes(hz)) && !others.some((hz) => last.includes(hz));
      steady = right ? steady + 1 : 0;
      return steady >= 10;
    },
    ms,
  ).catch((error) => {
    throw new Error(`${error.message}; last heard ${JSON.stringify(last)}`);
  });
}

/** Asserts that a stream stays silent for a while. */
export async function silence(page, pick, ms = 1_000) {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const heard = await listen(page, pick);
    if (heard.level > 0.01) throw new Error(`expected silence, heard ${JSON.stringify(heard)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
