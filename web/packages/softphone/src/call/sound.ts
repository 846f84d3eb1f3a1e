/**
 * Everything audible of one call, from the click to the end: its peer connection, its microphone track,
 * what is played, how loud both sides are, how good it is. Knows nothing of states or of the server.
 */

import type { DeviceAudio } from '../audio/device-audio';
import { Emitter } from '../emitter';
import type { Cancel, Environment, Meter, Playback } from '../environment';
import type { MediaLeg } from '../media/leg';
import { QualityMonitor } from '../quality/monitor';
import type { QualitySample } from '../quality/sample';
import type { WarningChange } from '../quality/warnings';

/** Ten times a second looks alive; more costs battery on a phone. */
const LEVEL_EVERY_MS = 100;

interface CallSoundEvents {
  state: [RTCPeerConnectionState];
  volume: [input: number, output: number];
  sample: [QualitySample];
  warning: [WarningChange];
}

/** What runs only while both sides can talk. */
interface Running {
  readonly monitor: QualityMonitor;
  readonly output: Meter | null;
  input: Meter | null;
  tick: Cancel;
}

export class CallSound extends Emitter<CallSoundEvents> {
  readonly leg: MediaLeg;
  readonly #environment: Environment;
  readonly #audio: DeviceAudio;
  /** None of somebody who only listens. */
  #track: MediaStreamTrack | null;
  #muted = false;
  #playback: Playback | null = null;
  #running: Running | null = null;
  #closed = false;

  constructor(environment: Environment, audio: DeviceAudio, leg: MediaLeg, track: MediaStreamTrack | null) {
    super();
    this.#environment = environment;
    this.#audio = audio;
    this.#track = track;
    this.leg = leg;
    this.leg.on('state', (state) => this.emit('state', state));
  }

  get hasStarted(): boolean {
    return this.#running !== null;
  }

  get localStream(): MediaStream {
    return this.#environment.media.createStream(this.#track === null ? [] : [this.#track]);
  }

  mute(muted: boolean): void {
    this.#muted = muted;
    if (this.#track !== null) this.#track.enabled = !muted;
  }

  /**
   * Plays what arrives, which is silent until `start()`. A browser keeps what nobody plays, seconds of it, and
   * then plays that first: whoever waited for a pick-up would hear everything late.
   */
  play(): void {
    const remote = this.leg.remoteStream;
    if (remote !== null && !this.#closed) this.#playback ??= this.#audio.speakerDevices.playStream(remote);
  }

  /** Lets sound flow both ways. */
  async start(): Promise<void> {
    if (this.#running !== null || this.#closed) return;
    const { sound, clock } = this.#environment;
    const remote = this.leg.remoteStream;
    this.leg.listen();
    this.play();
    const monitor = new QualityMonitor(
      clock,
      () => this.leg.stats(),
      () => this.#muted,
    );
    monitor.on('sample', (sample) => this.emit('sample', sample));
    monitor.on('warning', (change) => this.emit('warning', change));
    this.#running = {
      monitor,
      output: remote === null ? null : sound.meter(remote),
      input: this.#meter(),
      tick: clock.after(LEVEL_EVERY_MS, () => this.#tick()),
    };
    await Promise.all([this.leg.reach(), this.#track && this.leg.send(this.#track)]);
  }

  /** Opens a microphone where there was none. */
  async speak(): Promise<void> {
    if (this.#track === null) await this.#takeInput();
  }

  /** Sends the microphone that is chosen now. */
  async changeInput(): Promise<void> {
    if (this.#track !== null) await this.#takeInput();
  }

  async #takeInput(): Promise<void> {
    const track = await this.#audio.takeTrack();
    if (this.#closed) return track.stop();
    track.enabled = !this.#muted;
    this.#track?.stop();
    this.#track = track;
    if (this.#running === null) return;
    this.#running.input?.stop();
    this.#running.input = this.#meter();
    await this.leg.send(track);
  }

  close(): void {
    this.#closed = true;
    this.leg.close();
    this.#track?.stop();
    this.#playback?.stop();
    const running = this.#running;
    if (running === null) return;
    running.tick();
    running.monitor.stop();
    running.output?.stop();
    running.input?.stop();
  }

  #meter(): Meter | null {
    return this.#track && this.#environment.sound.meter(this.localStream);
  }

  #tick(): void {
    if (this.#running === null || this.#closed) return;
    this.emit('volume', this.#running.input?.level() ?? 0, this.#running.output?.level() ?? 0);
    this.#running.tick = this.#environment.clock.after(LEVEL_EVERY_MS, () => this.#tick());
  }
}
