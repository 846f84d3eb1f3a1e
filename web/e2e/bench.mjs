// How long agents wait: webhook posted → card on the desk, and click on answer → first audio in the ear,
// for relayed and for bridged calls. `node e2e/bench.mjs OFFHOOK_BINARY [CALLS]` starts a demo of its own and
// prints percentiles.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { Cast } from './cast.mjs';

const [binary, calls = '30'] = process.argv.slice(2);
const data = mkdtempSync(join(tmpdir(), 'offhook-bench-'));
const demo = spawn(
  binary,
  ['demo', '--json', '--data', data, '--listen', '127.0.0.1:0', '--sim-listen', '127.0.0.1:0'],
  { stdio: ['ignore', 'pipe', 'ignore'] },
);
const stage = JSON.parse(await new Promise((resolve) => createInterface({ input: demo.stdout }).once('line', resolve)));
const cast = new Cast(stage);
try {
  const desk = await cast.desk({ hz: 600 });
  const { number, bridged_number: bridged } = stage;
  for (const [way, { phone_number_id: to }] of [['relayed', number], ['bridged', bridged]]) {
    const ring = [];
    const audio = [];
    for (let n = 0; n < Number(calls); n += 1) {
      // A number of its own per call: WhatsApp may still be ending the one before.
      const from = `+4477${way.length}${String(n).padStart(3, '0')}0002`;
      ring.push(await untilCard(desk, () => cast.callIn(from, { to })));
      // Nobody clicks sooner; the page makes its answer ready meanwhile.
      await desk.page.waitForTimeout(400);
      audio.push(await desk.page.evaluate(untilAudio));
      await desk.press('hangup');
      await desk.free();
    }
    report(`${way}: webhook posted → card on the desk`, ring);
    report(`${way}: click on answer → first audio`, audio);
  }
  const shared = `${cpus().length} cores, load ${loadavg()[0].toFixed(2)}`;
  console.log(`${calls} calls each; server, simulator and Chromium shared ${shared}`);
} catch (error) {
  console.error(error.stack);
  process.exitCode = 1;
} finally {
  await cast.close();
  demo.kill();
  rmSync(data, { recursive: true, force: true });
}

/** Milliseconds from the start of something to a card on the desk. */
async function untilCard(desk, begin) {
  const card = desk.page.evaluate(
    () =>
      new Promise((resolve) => {
        const seen = () => document.querySelector('[data-testid=incoming-card]');
        const done = () => resolve(performance.timeOrigin + performance.now());
        if (seen()) return done();
        new MutationObserver((_, observer) => {
          if (!seen()) return;
          observer.disconnect();
          done();
        }).observe(document.body, { childList: true, subtree: true });
      }),
  );
  // A failure elsewhere closes the page; it is told there.
  card.catch(() => undefined);
  const began = performance.timeOrigin + performance.now();
  await begin();
  return (await card) - began;
}

/** In the page: presses answer and returns the milliseconds to the first sound. */
async function untilAudio() {
  const began = performance.now();
  document.querySelector('[data-testid=answer]').click();
  const pause = () => new Promise((resolve) => setTimeout(resolve, 1));
  const remote = () => window.offhook.remoteStream(window.offhook.calls[0]?.id);
  while (!remote()) await pause();
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 256;
  context.createMediaStreamSource(remote()).connect(analyser);
  const wave = new Float32Array(analyser.fftSize);
  do {
    await pause();
    analyser.getFloatTimeDomainData(wave);
  } while (!wave.some((value) => Math.abs(value) > 0.02));
  const took = performance.now() - began;
  await context.close();
  return took;
}

function report(what, samples) {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(1);
  console.log(`${what}: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`);
}
