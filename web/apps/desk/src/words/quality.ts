/** How a call sounds, in words. Pure. */

import type { QualitySample, QualityView, WarningName } from '@offhook/softphone';

export interface Verdict {
  readonly grade: 'unknown' | 'good' | 'fair' | 'poor';
  readonly label: string;
}

/** Of both sides together: a conversation is as good as the worse of them. */
export function verdictOf(
  sample: QualitySample | null,
  warnings: readonly WarningName[],
  theirs: QualityView | null = null,
): Verdict {
  if (sample === null) return { grade: 'unknown', label: 'Measuring' };
  if (warnings.includes('no-audio-received')) return { grade: 'poor', label: 'No sound' };
  if (sample.mos === null) return { grade: 'unknown', label: 'Measuring' };
  const mos = Math.min(sample.mos, theirs?.mos ?? sample.mos);
  if (mos < 3.5 || warnings.includes('low-mos')) return { grade: 'poor', label: 'Poor' };
  if (mos < 4 || warnings.length > 0) return { grade: 'fair', label: 'Fair' };
  return { grade: 'good', label: 'Good' };
}

const ADVICE: Record<WarningName, string> = {
  'high-rtt': 'The answer comes late: the network is far or busy.',
  'high-jitter': 'The sound arrives unevenly: move closer to the Wi-Fi, or use a cable.',
  'high-packet-loss': 'Part of the sound is lost: move closer to the Wi-Fi, or use a cable.',
  'low-mos': 'The call sounds poor: stop downloads and video on this network.',
  'no-audio-received': 'No sound arrives from the other side.',
  'no-audio-sent': 'Your sound does not leave this computer.',
  'constant-audio-input-level': 'Your microphone sends no voice: is it muted or the wrong one?',
};

export function adviceFor(warning: WarningName): string {
  return ADVICE[warning];
}
