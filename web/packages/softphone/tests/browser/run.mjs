/** The built softphone in a real Chromium, against descriptions in Meta's form. `npm run test:browser`. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

const files = {
  '/dist/index.js': new URL('../../dist/index.js', import.meta.url),
  '/page.mjs': new URL('page.mjs', import.meta.url),
};
let server;
let browser;
let page;

before(async () => {
  server = createServer(async (request, response) => {
    const file = files[request.url];
    response.setHeader('content-type', file ? 'text/javascript' : 'text/html');
    response.end(file ? await readFile(file) : '<!doctype html><title>softphone</title>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      '--autoplay-policy=no-user-gesture-required',
      '--disable-background-networking',
      '--no-first-run',
    ],
  });
  page = await browser.newPage();
  page.on('pageerror', (error) => assert.fail(error));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
});

after(async () => {
  await browser?.close();
  server?.close();
});

const lines = (sdp, start) => sdp.split('\r\n').filter((line) => line.startsWith(start));

function looksRight(sdp) {
  assert.equal(lines(sdp, 'm=').length, 1);
  assert.equal(lines(sdp, 'a=sendrecv').length, 1);
  assert.equal(lines(sdp, 'a=fingerprint:sha-256 ').length, 1);
  assert.equal(new Set(lines(sdp, 'a=ssrc:').map((line) => line.split(/[: ]/)[1])).size, 1);
  assert.ok(lines(sdp, 'a=candidate:').length > 0, 'the candidates are in the description');
}

test('an inbound call is answered in the shape WhatsApp wants, and silent until it is connected', async () => {
  const seen = await page.evaluate(async () => (await import('/page.mjs')).inbound());
  looksRight(seen.sdp);
  assert.equal(seen.commandsBefore, 1, 'nothing is sent for a ringing call before the agent takes it');
  assert.deepEqual(lines(seen.sdp, 'a=setup:'), ['a=setup:active']);
  assert.deepEqual(lines(seen.sdp, 'a=mid:'), ['a=mid:audio']);
  assert.equal(lines(seen.sdp, 'm=')[0].replace(/\d+ UDP/, 'UDP'), 'm=audio UDP/TLS/RTP/SAVPF 111 126');
  assert.equal(seen.early, 0, 'no RTP before connected');
  assert.equal(seen.audibleEarly, false);
  assert.ok(Math.abs(seen.heard - 660) < 10, `heard ${seen.heard} Hz`);
  assert.ok(seen.heardByPhone > 0);
  assert.ok(seen.sample.packetsReceived > 0 && seen.sample.mos > 4, JSON.stringify(seen.sample));
  assert.ok(seen.mutedLevel < 0.01, `muted, and yet ${seen.mutedLevel}`);
});

for (const setup of ['passive', 'actpass']) {
  test(`an outbound call connects when WhatsApp answers ${setup}, and is silent until it is picked up`, async () => {
    const seen = await page.evaluate(async (role) => (await import('/page.mjs')).outbound(role), setup);
    looksRight(seen.sdp);
    assert.deepEqual(lines(seen.sdp, 'a=setup:'), ['a=setup:actpass']);
    assert.ok(lines(seen.sdp, 'a=rtpmap:').some((line) => line.endsWith('opus/48000/2')));
    assert.equal(seen.early, 0, 'no RTP before connected');
    assert.equal(seen.audibleEarly, false);
    assert.ok(Math.abs(seen.heard - 880) < 10, `heard ${seen.heard} Hz`);
  });
}

test('a bridged call lets its sound go when the server closes the leg, and brings it back when asked', async () => {
  const seen = await page.evaluate(async () => (await import('/page.mjs')).bridged());
  assert.ok(Math.abs(seen.first - 700) < 10, `heard ${seen.first} Hz`);
  assert.ok(seen.noticedAfter < 3_000, `noticed after ${seen.noticedAfter} ms`);
  assert.equal(seen.attachedByItself, false);
  assert.ok(Math.abs(seen.second - 800) < 10, `heard ${seen.second} Hz`);
  assert.equal(seen.hungUp, false);
});
