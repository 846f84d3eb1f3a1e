/** One second of a call in numbers, from two readings of `getStats()`. Pure. */

import type { Stats, StatsEntry } from '../environment';
import { meanOpinionScore } from './mos';

/** Running totals at one moment; zero where the browser does not say. */
export interface Reading {
  readonly at: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly bytesReceived: number;
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly jitterMs: number;
  readonly rttMs: number | null;
  readonly inputLevel: number;
  readonly outputLevel: number;
  readonly codec: string;
}

/** What happened between two readings. Names follow Twilio's sample. */
export interface QualitySample {
  readonly timestamp: number;
  /** Milliseconds; null until the first report came back. */
  readonly rtt: number | null;
  /** Milliseconds. */
  readonly jitter: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  /** Percent, 0 to 100. */
  readonly packetsLostFraction: number;
  readonly packetsSent: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** 1 to 4.5; null until something was received. */
  readonly mos: number | null;
  /** 0 to 1. */
  readonly audioInputLevel: number;
  readonly audioOutputLevel: number;
  readonly codecName: string;
}

export function readStats(at: number, stats: Stats): Reading {
  const found = new Map<string, StatsEntry>();
  const codecs = new Map<unknown, StatsEntry>();
  stats.forEach((entry) => {
    if (entry.type === 'codec') codecs.set(entry['id'], entry);
    // Of several candidate pairs only the chosen one carries the call.
    else if (entry.type !== 'candidate-pair' || entry['nominated'] === true) found.set(entry.type, entry);
  });
  const read = (type: string, field: string) => numeric(found.get(type)?.[field]);
  const rtt = read('candidate-pair', 'currentRoundTripTime') ?? read('remote-inbound-rtp', 'roundTripTime');
  const mime = codecs.get(found.get('inbound-rtp')?.['codecId'])?.['mimeType'];
  return {
    at,
    packetsReceived: read('inbound-rtp', 'packetsReceived') ?? 0,
    packetsLost: read('inbound-rtp', 'packetsLost') ?? 0,
    bytesReceived: read('inbound-rtp', 'bytesReceived') ?? 0,
    packetsSent: read('outbound-rtp', 'packetsSent') ?? 0,
    bytesSent: read('outbound-rtp', 'bytesSent') ?? 0,
    jitterMs: (read('inbound-rtp', 'jitter') ?? 0) * 1_000,
    rttMs: rtt === null ? null : rtt * 1_000,
    inputLevel: read('media-source', 'audioLevel') ?? 0,
    outputLevel: read('inbound-rtp', 'audioLevel') ?? 0,
    codec: typeof mime === 'string' ? mime.replace('audio/', '') : '',
  };
}

export function sampleBetween(before: Reading, after: Reading): QualitySample {
  const packetsReceived = Math.max(0, after.packetsReceived - before.packetsReceived);
  // The total can fall when a late packet turns up after all.
  const packetsLost = Math.max(0, after.packetsLost - before.packetsLost);
  const expected = packetsReceived + packetsLost;
  const loss = expected === 0 ? 0 : packetsLost / expected;
  return {
    timestamp: after.at,
    rtt: after.rttMs,
    jitter: after.jitterMs,
    packetsReceived,
    packetsLost,
    packetsLostFraction: Math.round(loss * 1_000) / 10,
    packetsSent: Math.max(0, after.packetsSent - before.packetsSent),
    bytesReceived: Math.max(0, after.bytesReceived - before.bytesReceived),
    bytesSent: Math.max(0, after.bytesSent - before.bytesSent),
    mos: packetsReceived === 0 ? null : meanOpinionScore({ rttMs: after.rttMs ?? 0, jitterMs: after.jitterMs, loss }),
    audioInputLevel: after.inputLevel,
    audioOutputLevel: after.outputLevel,
    codecName: after.codec,
  };
}

function numeric(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
