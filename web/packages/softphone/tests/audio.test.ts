import { expect, test } from 'vitest';
import type { DeviceAudio } from '../src/audio/device-audio';
import { RINGTONE } from '../src/audio/tones';
import { settle } from './fake/clock';
import { device } from './fake/media';
import { listen, snapshot, view, World } from './fake/world';

function audioIn(world: World): DeviceAudio {
  return world.device.audio;
}

test('the microphone is opened once and kept', async () => {
  const world = new World();
  const audio = audioIn(world);
  await Promise.all([audio.prepare(), audio.prepare()]);
  await audio.takeTrack();
  await audio.takeTrack();
  expect(world.media.opened).toHaveLength(1);
  expect(world.media.opened[0]?.track.clones).toHaveLength(2);
});

test('letting the microphone go switches its sign off, and the next call opens it again', async () => {
  const world = new World();
  const audio = audioIn(world);
  await audio.prepare();
  audio.release();
  expect(world.media.opened[0]?.track.readyState).toBe('ended');
  await audio.takeTrack();
  expect(world.media.opened).toHaveLength(2);
});

test('a microphone that cannot be opened leaves the old one in use', async () => {
  const world = new World();
  const audio = audioIn(world);
  await audio.prepare();
  world.media.refusal = 'NotReadableError';
  await expect(audio.setInputDevice('broken')).rejects.toMatchObject({ code: 'microphone_busy' });
  expect(audio.inputDevice).toBe('');
  expect(world.media.opened[0]?.track.readyState).toBe('live');
});

test('a microphone chosen last time that is not plugged in today is replaced by the default', async () => {
  const world = new World();
  const audio = audioIn(world);
  world.media.missing.add('headset');
  await audio.setInputDevice('headset');
  await audio.prepare();
  expect(world.media.opened).toMatchObject([{ deviceId: '' }]);
  expect(audio.inputDevice).toBe('');
});

test('a microphone that is pulled out is replaced by what is left', async () => {
  const world = new World();
  const audio = audioIn(world);
  const heard = listen(audio, 'inputChanged', 'error');
  await audio.prepare();
  world.media.opened[0]?.track.unplug();
  await settle();
  expect(heard).toEqual(['inputChanged']);
  expect(world.media.opened).toHaveLength(2);
});

test('when no microphone is left, that is told', async () => {
  const world = new World();
  const codes: string[] = [];
  world.device.on('error', (error) => codes.push(error.code));
  await audioIn(world).prepare();
  world.media.refusal = 'NotFoundError';
  world.media.opened[0]?.track.unplug();
  await settle();
  expect(codes).toEqual(['microphone_lost']);
});

test('the lists follow what is plugged in, and a lost choice falls back to the default', async () => {
  const world = new World();
  const audio = audioIn(world);
  world.media.devices = [device('audioinput', 'mic'), device('audiooutput', 'headset')];
  await audio.prepare();
  audio.speakerDevices.set('headset');
  const lost: string[][] = [];
  audio.on('deviceChange', (devices) => lost.push(devices.map(({ deviceId }) => deviceId)));
  world.media.change([device('audioinput', 'mic')]);
  await settle();
  expect(lost).toEqual([['headset']]);
  expect(audio.speakerDevices.get()).toBe('');
  expect([...audio.availableOutputDevices.keys()]).toEqual([]);
});

test('a speaker chosen while it sounds is used at once', async () => {
  const ring = { call: view('c1', 'inbound'), sdp_offer: 'offer' };
  const world = await World.registered(snapshot({ ringing: [ring] }));
  world.device.audio.ringtoneDevices.set('loud');
  expect([...world.sound.playing]).toEqual([{ what: RINGTONE, sink: 'loud' }]);
});

test('ringing can be switched off and on', async () => {
  const ring = { call: view('c1', 'inbound'), sdp_offer: 'offer' };
  const world = await World.registered(snapshot({ ringing: [ring] }));
  world.device.audio.incoming(false);
  expect(world.sound.tones).toEqual([]);
  world.device.audio.incoming(true);
  expect(world.sound.tones).toEqual([RINGTONE]);
});
