/**
 * The few lines of SDP that matter between a browser and WhatsApp. Pure text in, text out.
 *
 * WhatsApp takes one audio section, one SSRC, one sha-256 fingerprint, and never renegotiates, so a
 * mistake here is a silent call that dies after twenty seconds.
 */

import { SoftphoneError } from '../errors';

/**
 * WhatsApp's answer as a browser accepts it. An answer must choose a DTLS role (RFC 8842 section 5.3),
 * yet WhatsApp is seen to echo `actpass`; it wants the business to be the client, so that means `passive`.
 */
export function settleRemoteAnswer(sdp: string): string {
  return sdp.replace(/^a=setup:actpass/gm, 'a=setup:passive');
}

/** Our answer: the business is the DTLS client, whatever the browser preferred. */
export function settleLocalAnswer(sdp: string): string {
  return sdp.replace(/^a=setup:(?:actpass|passive)/gm, 'a=setup:active');
}

/**
 * An offer and, apart, where WhatsApp can be reached. A browser that knows asks at once, but WhatsApp is
 * silent until it has our answer, and a browser that was not heard a few times asks only once a second.
 */
export function withholdCandidates(offer: string): { sdp: string; candidates: string[] } {
  const lines = offer.split('\r\n');
  const candidates = lines.filter((line) => line.startsWith('a=candidate:')).map((line) => line.slice('a='.length));
  return { sdp: lines.filter((line) => !/^a=(?:candidate:|end-of-candidates)/.test(line)).join('\r\n'), candidates };
}

/** Refuses, before it leaves, what WhatsApp would refuse or silently drop. The server waits for candidates. */
export function checkLocal(sdp: string, trickles: boolean): string {
  const lines = sdp.split(/\r?\n/);
  const count = (start: string) => lines.filter((line) => line.startsWith(start)).length;
  const ssrcs = new Set(lines.filter((line) => line.startsWith('a=ssrc:')).map((line) => line.split(/[: ]/)[1]));
  const fingerprints = lines.filter((line) => line.startsWith('a=fingerprint:'));
  const wrong =
    (count('m=') !== 1 && 'one media section') ||
    (count('m=audio ') !== 1 && 'an audio section') ||
    (ssrcs.size > 1 && 'one SSRC') ||
    (!(fingerprints.length === 1 && /^a=fingerprint:sha-256 /i.test(fingerprints[0] ?? '')) &&
      'one sha-256 fingerprint') ||
    (count('a=sendrecv') !== 1 && 'both directions') ||
    (!trickles && count('a=candidate:') === 0 && 'a candidate');
  if (wrong !== false) throw SoftphoneError.of('negotiation_failed', new Error(`the description needs ${wrong}`));
  return sdp;
}
