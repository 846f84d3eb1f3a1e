/**
 * `device.audio`: the microphone and the outputs, shared by all calls.
 *
 * The microphone is opened once and kept while the agent takes calls, because opening it takes up to a
 * second; each call sends a clone of its track, so that mute belongs to the call.
 */

import { Emitter } from '../emitter';
import type { Environment } from '../environment';
import { microphoneError, SoftphoneError } from '../errors';
import { OutputDevices } from './outputs';

interface AudioEvents {
  /** Devices came or went; the names of those in use that are gone. */
  deviceChange: [lost: MediaDeviceInfo[]];
  /** Calls must send another microphone. */
  inputChanged: [];
  /** A choice was made: device ids or ring settings. */
  settings: [];
  error: [SoftphoneError];
  /** The browser lets us make a sound, or does not any more. */
  lock: [locked: boolean];
}

export class DeviceAudio extends Emitter<AudioEvents> {
  readonly availableInputDevices = new Map<string, MediaDeviceInfo>();
  readonly availableOutputDevices = new Map<string, MediaDeviceInfo>();
  readonly speakerDevices: OutputDevices;
  readonly ringtoneDevices: OutputDevices;

  readonly #environment: Environment;
  #inputId = '';
  #stream: MediaStream | null = null;
  #opening: Promise<MediaStream> | null = null;
  #ringsIncoming = true;
  #ringsOutgoing = true;

  constructor(environment: Environment) {
    super();
    this.#environment = environment;
    const settings = () => this.emit('settings');
    this.speakerDevices = new OutputDevices(environment, settings);
    this.ringtoneDevices = new OutputDevices(environment, settings);
    environment.media.onDeviceChange(() => void this.handleDeviceChange());
    environment.sound.onLockChange(() => this.emit('lock', environment.sound.locked));
  }

  /** The chosen microphone; the empty string is the system's default. */
  get inputDevice(): string {
    return this.#inputId;
  }

  /** The open microphone, or null. */
  get inputStream(): MediaStream | null {
    return this.#stream;
  }

  get isOutputSelectionSupported(): boolean {
    return this.#environment.sound.canChooseOutput;
  }

  /** True while the browser waits for a click before it makes a sound. */
  get isLocked(): boolean {
    return this.#environment.sound.locked;
  }

  /** To be called from a click or key press. */
  unlock(): Promise<void> {
    return this.#environment.sound.unlock();
  }

  /** Opens the microphone now, so that answering is quick. Rejects with a `microphone_…` error. */
  async prepare(): Promise<void> {
    await this.#open();
    await this.#refresh();
  }

  /** Lets the microphone go; the browser's recording sign disappears. */
  release(): void {
    stopAll(this.#stream);
    this.#stream = null;
  }

  /** Changes the microphone, also in calls that go on. The old one stays if the new one cannot be opened. */
  async setInputDevice(deviceId: string): Promise<void> {
    const before = this.#inputId;
    this.#inputId = deviceId;
    if (this.#stream !== null) {
      try {
        await this.#reopen();
      } catch (error) {
        this.#inputId = before;
        throw error;
      }
    }
    this.emit('settings');
  }

  unsetInputDevice(): Promise<void> {
    return this.setInputDevice('');
  }

  /** Whether incoming calls make a sound. Returns the setting. */
  incoming(ring = this.#ringsIncoming): boolean {
    if (ring !== this.#ringsIncoming) {
      this.#ringsIncoming = ring;
      this.emit('settings');
    }
    return ring;
  }

  /** Whether a ringback is heard while the called side rings. Returns the setting. */
  outgoing(ring = this.#ringsOutgoing): boolean {
    this.#ringsOutgoing = ring;
    return ring;
  }

  /** A track of its own for one call. @internal */
  async takeTrack(): Promise<MediaStreamTrack> {
    const track = (await this.#open()).getAudioTracks()[0];
    if (track === undefined) throw SoftphoneError.of('microphone_missing');
    return track.clone();
  }

  /** @internal */
  async handleDeviceChange(): Promise<void> {
    const before = [...this.availableInputDevices.values(), ...this.availableOutputDevices.values()];
    await this.#refresh();
    const inUse = new Set([this.#inputId, this.speakerDevices.get(), this.ringtoneDevices.get()]);
    const lost = before.filter((device) => inUse.has(device.deviceId) && !this.#has(device.deviceId));
    for (const { deviceId } of lost) {
      if (deviceId === this.#inputId) this.#inputId = '';
      if (deviceId === this.speakerDevices.get()) this.speakerDevices.set('');
      if (deviceId === this.ringtoneDevices.get()) this.ringtoneDevices.set('');
    }
    this.emit('deviceChange', lost);
  }

  async #open(): Promise<MediaStream> {
    const live = this.#stream?.getAudioTracks().some((track) => track.readyState === 'live') ?? false;
    if (this.#stream !== null && live) return this.#stream;
    this.#opening ??= this.#acquire().finally(() => (this.#opening = null));
    return this.#opening;
  }

  async #reopen(): Promise<void> {
    const old = this.#stream;
    await this.#acquire();
    stopAll(old);
    this.emit('inputChanged');
  }

  async #acquire(): Promise<MediaStream> {
    const chosen = this.#inputId === '' ? {} : { deviceId: { exact: this.#inputId } };
    const audio = { ...chosen, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    try {
      const stream = await this.#environment.media.getUserMedia({ audio });
      this.#stream = stream;
      stream.getAudioTracks()[0]?.addEventListener('ended', () => void this.#handleTrackEnded(stream));
      return stream;
    } catch (error) {
      const known = microphoneError(error);
      if (known.code !== 'microphone_missing' || this.#inputId === '') throw known;
      // The one chosen last time is not plugged in today: any is better than none.
      this.#inputId = '';
      return this.#acquire();
    }
  }

  /** The microphone was pulled out, or the permission taken back: try what is left. */
  async #handleTrackEnded(stream: MediaStream): Promise<void> {
    if (this.#stream !== stream) return;
    this.#inputId = '';
    try {
      await this.#reopen();
    } catch (error) {
      this.#stream = null;
      this.emit('error', SoftphoneError.of('microphone_lost', error));
    }
  }

  async #refresh(): Promise<void> {
    const devices = await this.#environment.media.enumerateDevices();
    this.availableInputDevices.clear();
    this.availableOutputDevices.clear();
    for (const device of devices) {
      if (device.kind === 'audioinput') this.availableInputDevices.set(device.deviceId, device);
      if (device.kind === 'audiooutput') this.availableOutputDevices.set(device.deviceId, device);
    }
  }

  #has(deviceId: string): boolean {
    return this.availableInputDevices.has(deviceId) || this.availableOutputDevices.has(deviceId);
  }
}

function stopAll(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
