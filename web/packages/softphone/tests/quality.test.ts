import { describe, expect, test } from 'vitest';
import { meanOpinionScore } from '../src/quality/mos';
import { readStats, sampleBetween, type QualitySample, type Reading } from '../src/quality/sample';
import { WarningWatch } from '../src/quality/warnings';

describe('opinion score', () => {
  test.each([
    ['a perfect path', { rttMs: 0, jitterMs: 0, loss: 0 }, 4.3, 4.5],
    ['a good path', { rttMs: 80, jitterMs: 5, loss: 0.005 }, 4.2, 4.45],
    ['a satellite', { rttMs: 600, jitterMs: 10, loss: 0 }, 3, 4],
    ['one packet in ten lost', { rttMs: 80, jitterMs: 5, loss: 0.1 }, 2, 3.5],
    ['everything lost', { rttMs: 80, jitterMs: 5, loss: 1 }, 1, 1.2],
  ])('%s', (_name, path, low, high) => {
    const mos = meanOpinionScore(path);
    expect(mos).toBeGreaterThanOrEqual(low);
    expect(mos).toBeLessThanOrEqual(high);
  });

  test('never improves when something gets worse', () => {
    let last = 5;
    for (let step = 0; step <= 50; step += 1) {
      const mos = meanOpinionScore({ rttMs: step * 20, jitterMs: step, loss: step / 100 });
      expect(mos).toBeLessThanOrEqual(last);
      last = mos;
    }
  });
});

const still: Reading = {
  at: 0,
  packetsReceived: 100,
  packetsLost: 2,
  bytesReceived: 8_000,
  packetsSent: 100,
  bytesSent: 8_000,
  jitterMs: 4,
  rttMs: 60,
  inputLevel: 0.1,
  outputLevel: 0.2,
  codec: 'opus',
};

describe('one second in numbers', () => {
  test('is the difference of two readings', () => {
    const next = { ...still, at: 1_000, packetsReceived: 145, packetsLost: 7, packetsSent: 150 };
    const sample = sampleBetween(still, next);
    expect(sample).toMatchObject({ packetsReceived: 45, packetsLost: 5, packetsLostFraction: 10, packetsSent: 50 });
  });

  test('has no opinion while nothing arrives', () => {
    expect(sampleBetween(still, { ...still, at: 1_000 }).mos).toBeNull();
  });

  test('a packet that turns up late is not a negative loss', () => {
    expect(sampleBetween(still, { ...still, packetsReceived: 150, packetsLost: 1 }).packetsLost).toBe(0);
  });

  test('reads the pair that is used and skips what is not a number', () => {
    const entries = [
      { type: 'codec', id: 'C1', mimeType: 'audio/opus' },
      { type: 'inbound-rtp', codecId: 'C1', packetsReceived: 5, jitter: 0.012, packetsLost: 'many' },
      { type: 'candidate-pair', nominated: false, currentRoundTripTime: 9 },
      { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.08 },
      { type: 'media-source', audioLevel: 0.3 },
    ];
    const reading = readStats(7, { forEach: (visit) => entries.forEach(visit) });
    expect(reading).toMatchObject({ rttMs: 80, jitterMs: 12, packetsReceived: 5, packetsLost: 0, codec: 'opus' });
    expect(reading.inputLevel).toBe(0.3);
  });
});

describe('warnings', () => {
  const fine: QualitySample = sampleBetween(still, { ...still, at: 1_000, packetsReceived: 150, packetsSent: 150 });

  function play(samples: QualitySample[], muted = false): string[] {
    const watch = new WarningWatch();
    return samples.flatMap((sample, second) =>
      watch
        // A live microphone is never quite the same twice.
        .handleSample({ ...sample, audioInputLevel: sample.audioInputLevel + (second % 3) / 100 }, muted)
        .map(({ name, raised }) => `${second + 1}s ${raised ? '+' : '-'}${name}`),
    );
  }

  const times = (count: number, sample: QualitySample) => Array.from({ length: count }, () => sample);

  test('a good call has none', () => {
    expect(play(times(30, fine))).toEqual([]);
  });

  test('one bad second is not worth a word', () => {
    expect(play([...times(5, fine), { ...fine, rtt: 900 }, ...times(5, fine)])).toEqual([]);
  });

  test.each([
    ['high-rtt', { rtt: 500 }],
    ['high-jitter', { jitter: 45 }],
    ['high-packet-loss', { packetsLostFraction: 10 }],
    ['low-mos', { mos: 2.9 }],
    ['no-audio-received', { packetsReceived: 0, mos: null }],
    ['no-audio-sent', { packetsSent: 0 }],
  ])('%s comes after three bad seconds and goes after five good ones', (name, bad) => {
    expect(play([...times(3, { ...fine, ...bad }), ...times(6, fine)])).toEqual([`3s +${name}`, `8s -${name}`]);
  });

  test('a microphone that never moves is noticed, unless it is muted', () => {
    const constant = () => {
      const watch = new WarningWatch();
      return (muted: boolean) => times(10, fine).flatMap((sample) => watch.handleSample(sample, muted));
    };
    expect(constant()(false)).toMatchObject([{ name: 'constant-audio-input-level', raised: true }]);
    expect(constant()(true)).toEqual([]);
  });

  test('muting clears the warning about the microphone', () => {
    const watch = new WarningWatch();
    for (const sample of times(10, fine)) watch.handleSample(sample, false);
    expect(watch.handleSample(fine, true)).toMatchObject([{ name: 'constant-audio-input-level', raised: false }]);
  });
});
