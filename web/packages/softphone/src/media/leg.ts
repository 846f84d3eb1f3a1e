/**
 * One peer connection carrying one call's sound, to WhatsApp itself or to the server that bridges it. Knows
 * nothing of calls.
 *
 * Invariant: no RTP leaves before `send()`, and nothing is audible before `listen()`, although both
 * directions are negotiated from the start. WhatsApp starts the caller's clock at our first packet.
 */

import { Emitter } from '../emitter';
import type { DtlsTransport, Environment, Peer, Stats, Transceiver } from '../environment';
import { SoftphoneError } from '../errors';
import { checkLocal, settleLocalAnswer, settleRemoteAnswer, withholdCandidates } from './sdp';

/**
 * Meta takes no trickled candidates, so a description waits for all of them, but not for a STUN server
 * that never replies: the person has clicked and hears nothing meanwhile.
 */
const GATHERING_DEADLINE_MS = 2_000;
/**
 * An address at a TURN server may be the only one that can be reached, and over TLS on a slow network it takes
 * five round trips. Waiting longer would only help networks on which nobody can talk.
 */
const RELAY_DEADLINE_MS = 5_000;

interface LegEvents {
  /** `closed`: by the other side, with a goodbye. */
  state: [RTCPeerConnectionState];
}

export class MediaLeg extends Emitter<LegEvents> {
  readonly #environment: Environment;
  readonly #peer: Peer;
  #transceiver: Transceiver | null = null;
  #transport: DtlsTransport | null = null;
  #remote: MediaStream | null = null;
  #withheld: string[] = [];
  #audible = false;
  #closed = false;
  /** What the description that was handed out does not say yet; `''` when there is no more. */
  #found: string[] = [];
  #tellCandidate: ((ufrag: string, candidate: string) => void) | null = null;
  /** Whether one of our candidates is to come from a TURN server. */
  readonly #wantsRelay: boolean;

  constructor(environment: Environment, configuration: RTCConfiguration) {
    super();
    this.#environment = environment;
    this.#wantsRelay = configuration.iceServers?.some(relays) ?? false;
    this.#peer = environment.createPeer(configuration);
    this.#peer.addEventListener('connectionstatechange', () => this.#tell(this.#peer.connectionState));
    this.#peer.addEventListener('icecandidate', ({ candidate }) => {
      this.#found.push(candidate?.candidate ?? '');
      this.#trickle();
    });
  }

  /** An offer, with a sender that has no track yet: complete, or to be followed by candidates. */
  async offer(trickles: boolean): Promise<string> {
    return this.#negotiating(async () => {
      const streams = [this.#environment.media.createStream([])];
      this.#adopt(this.#peer.addTransceiver('audio', { direction: 'sendrecv', streams }));
      return this.#describe(await this.#peer.createOffer(), (sdp) => sdp, trickles);
    });
  }

  /** An offer of a new path for what is connected. Until it is answered and works, the old one is used. */
  async restart(): Promise<string> {
    this.#tellCandidate = null;
    return this.#negotiating(async () =>
      this.#describe(await this.#peer.createOffer({ iceRestart: true }), (sdp) => sdp, true),
    );
  }

  /** Our description with every candidate that is known by now. Those to come are told by `trickle`. */
  handOut(): string {
    this.#found = [];
    return this.#peer.localDescription?.sdp ?? '';
  }

  /** Our description with all candidates. */
  async complete(): Promise<string> {
    await this.#gathered();
    return checkLocal(this.handOut(), false);
  }

  /** The other side has our offer: tells it the candidates that were found since, and those to come. */
  trickle(tell: (ufrag: string, candidate: string) => void): void {
    this.#tellCandidate = tell;
    this.#trickle();
  }

  /** A complete answer to WhatsApp's offer. Nothing leaves for WhatsApp before `reach()`. */
  async answer(offer: string): Promise<string> {
    return this.#negotiating(async () => {
      const { sdp, candidates } = withholdCandidates(offer);
      this.#withheld = candidates;
      await this.#peer.setRemoteDescription({ type: 'offer', sdp });
      const transceiver = this.#peer.getTransceivers()[0];
      if (transceiver === undefined) throw new Error('the offer has no audio');
      transceiver.direction = 'sendrecv';
      transceiver.sender.setStreams(this.#environment.media.createStream([]));
      this.#adopt(transceiver);
      return this.#describe(await this.#peer.createAnswer(), settleLocalAnswer, false);
    });
  }

  /** Goes to WhatsApp, which has our answer now. */
  async reach(): Promise<void> {
    const candidates = this.#withheld.splice(0);
    if (this.#closed) return;
    await Promise.all(
      candidates.map((candidate) => this.#peer.addIceCandidate({ candidate, sdpMLineIndex: 0 }).catch(() => undefined)),
    );
  }

  /** The other side's answer to our offer. */
  async applyAnswer(answer: string): Promise<void> {
    await this.#negotiating(() => this.#peer.setRemoteDescription({ type: 'answer', sdp: settleRemoteAnswer(answer) }));
  }

  /** Sends this track from now on, in place of whatever was sent. */
  async send(track: MediaStreamTrack): Promise<void> {
    if (!this.#closed) await this.#transceiver?.sender.replaceTrack(track);
  }

  /** Lets the other side's sound through. */
  listen(): void {
    this.#audible = true;
    for (const track of this.#remote?.getTracks() ?? []) track.enabled = true;
  }

  /** What comes from the other side: silent until `listen()`. */
  get remoteStream(): MediaStream | null {
    return this.#remote;
  }

  stats(): Promise<Stats> {
    return this.#peer.getStats();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#peer.close();
  }

  #adopt(transceiver: Transceiver): void {
    this.#transceiver = transceiver;
    const track = transceiver.receiver.track;
    track.enabled = this.#audible;
    this.#remote = this.#environment.media.createStream([track]);
  }

  async #describe(
    description: RTCSessionDescriptionInit,
    settle: (sdp: string) => string,
    trickles: boolean,
  ): Promise<string> {
    const sdp = settle(description.sdp ?? '');
    await this.#peer.setLocalDescription({ type: description.type, sdp });
    // The same through every new path.
    if (this.#transport === null) {
      const transport = (this.#transport = this.#transceiver?.sender.transport ?? null);
      transport?.addEventListener('statechange', () => {
        if (transport.state === 'closed') this.#tell('closed');
      });
    }
    return trickles ? checkLocal(this.handOut(), true) : this.complete();
  }

  #trickle(): void {
    if (this.#tellCandidate === null || this.#closed) return;
    const ufrag = /a=ice-ufrag:(\S+)/.exec(this.#peer.localDescription?.sdp ?? '')?.[1] ?? '';
    for (const candidate of this.#found.splice(0)) this.#tellCandidate(ufrag, candidate);
  }

  #tell(state: RTCPeerConnectionState): void {
    if (!this.#closed) this.emit('state', state);
  }

  #gathered(): Promise<void> {
    return new Promise((resolve) => {
      const { clock } = this.#environment;
      let late = false;
      const cancel = [
        clock.after(GATHERING_DEADLINE_MS, () => {
          late = true;
          look();
        }),
        clock.after(RELAY_DEADLINE_MS, resolve),
      ];
      const look = () => {
        const enough = late && (!this.#wantsRelay || / typ relay /.test(this.#peer.localDescription?.sdp ?? ''));
        if (!enough && this.#peer.iceGatheringState !== 'complete') return;
        for (const each of cancel) each();
        resolve();
      };
      this.#peer.addEventListener('icegatheringstatechange', look);
      this.#peer.addEventListener('icecandidate', look);
      look();
    });
  }

  async #negotiating<Result>(run: () => Promise<Result>): Promise<Result> {
    try {
      return await run();
    } catch (error) {
      throw SoftphoneError.from(error, 'negotiation_failed');
    }
  }
}

function relays({ urls }: RTCIceServer): boolean {
  return [urls].flat().some((url) => url.startsWith('turn'));
}
