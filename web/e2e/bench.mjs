// How long agents wait: webhook posted → card on the desk, and click on answer → first audio in the ear.
// `node e2e/bench.mjs OFFHOOK_BINARY [CALLS]` starts a demo of its own and prints percentiles.

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
const ring = [];
const audio = [];
try {
  const desk = await cast.desk({ hz: 600 });
  for (let n = 0; n < Number(calls); n += 1) {
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
    // A failure elsewhere closes the page; it is told below, not here.
    card.catch(() => undefined);
    const posted = performance.timeOrigin + performance.now();
    // A number of its own per call: WhatsApp may still be ending the one before.
    await cast.callIn(`+4477${String(n).padStart(4, '0')}0002`);
    ring.push((await card) - posted);
    // Nobody clicks sooner; the page makes its answer ready meanwhile.
    await desk.page.waitForTimeout(400);
    audio.push(
      await desk.page.evaluate(async () => {
        const began = performance.now();
        document.querySelector('[data-testid=answer]').click();
        for (;;) {
          const stream = window.offhook.remoteStream(window.offhook.calls[0]?.id);
          if (stream) {
            const context = new AudioContext();
            const analyser = context.createAnalyser();
            analyser.fftSize = 256;
            context.createMediaStreamSource(stream).connect(analyser);
            const wave = new Float32Array(analyser.fftSize);
            for (;;) {
              analyser.getFloatTimeDomainData(wave);
              if (wave.some((value) => Math.abs(value) > 0.02)) {
                await context.close();
                return performance.now() - began;
              }
              await new Promise((resolve) => setTimeout(resolve, 1));
            }
          }
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      }),
    );
    await desk.press('hangup');
    await desk.free();
  }
  report('webhook posted → card on the desk', ring);
  report('click on answer → first audio', audio);
  const shared = `${cpus().length} cores, load ${loadavg()[0].toFixed(2)}`;
  console.log(`${calls} calls; server, simulator and Chromium shared ${shared}`);
} catch (error) {
  console.error(error.stack);
  process.exitCode = 1;
} finally {
  await cast.close();
  demo.kill();
  rmSync(data, { recursive: true, force: true });
}

function report(what, samples) {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(1);
  console.log(`${what}: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms`);
}
