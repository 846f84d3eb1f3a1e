// Datagrams of somebody else at the media port, before the answer and in conversation, from strange addresses and
// from WhatsApp's own: the call is set up, both sides hear each other without a hole, and the server has counted them.
import { createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

import { until } from '../cast.mjs';
import { record } from '../ear.mjs';

/** Enough to fill every queue once; more would only measure the machine. */
const FLOOD = 20_000;

export default async function hostile(cast) {
  const desk = await cast.desk({ hz: 600 });
  const phone = await cast.phone({ hz: 900 });
  await phone.calls(cast.stage.bridged_number.display_phone);
  await desk.at('incoming-card').waitFor();
  const call = await cast.simulated('the path to be up', ({ media_connected_ms: up }) => up);
  const { business, business_ufrag: ufrag } = await cast.wire(call);
  const stranger = await strangerTo(business);

  // While it rings.
  const forged = [clientHello(), stun(ufrag), stun('nobody00'), garbage(0x80), Buffer.from([0x16]), Buffer.alloc(0)];
  for (let n = 0; n < 20; n += 1) {
    await stranger.send(forged);
    await cast.inject(call, forged.slice(0, -1));
  }
  await desk.answer();
  await desk.connected();
  await desk.hears(900);
  await phone.hears(600);

  // In conversation: what WhatsApp's side has sent, again; noise that looks like its sound; and a flood.
  const { sent } = await until('enough to replay', async () => {
    const wire = await cast.wire(call);
    return wire.sent.length >= 50 && wire;
  });
  const captured = sent.map((text) => Buffer.from(text, 'base64'));
  const lookalikes = captured.map((datagram, n) => lookalike(datagram, n));
  const listening = Promise.all([record(desk, 5_000, [900]), record(phone, 5_000, [600])]);
  for (let round = 0; round < 20; round += 1) {
    await cast.inject(call, [...captured, ...lookalikes, ...forged.slice(0, -1), clientHello()]);
    await stranger.send([...captured, ...lookalikes, ...forged]);
    await stranger.send(Array.from({ length: FLOOD / 20 }, (_, n) => garbage(n & 0xff)));
  }
  const [agent, customer] = await listening;
  stranger.close();
  console.log(`under attack the agent hears ${agent.told(900)}, the customer ${customer.told(600)}`);
  agent.intelligible(900);
  customer.intelligible(600);
  await desk.hears(900);
  await phone.hears(600);

  const after = await cast.wire(call);
  const streams = new Set(after.heard.map(({ ssrc }) => ssrc));
  if (streams.size !== 1) throw new Error(`${streams.size} streams`);
  const total = async (name, label) => {
    const counted = await until(`${name} ${label} to be counted`, () => cast.counted(name, label), 15_000);
    console.log(`counted ${counted} ${label}`);
  };
  for (const why of ['no_leg', 'stun_forged', 'srtp_replayed', 'srtp_forged', 'dtls_refused']) {
    await total('offhook_media_dropped_total', `"${why}"`);
  }
  await desk.press('hangup');
  await cast.rowThat('the call is completed', (row) => row.status === 'completed' && row.end_reason === 'local_hangup');
}

/** A socket nobody knows, aimed at the media port. */
async function strangerTo(business) {
  const at = business.lastIndexOf(':');
  const [host, port] = [business.slice(0, at), Number(business.slice(at + 1))];
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const one = (datagram) => new Promise((resolve) => socket.send(datagram, port, host, resolve));
  return {
    async send(datagrams) {
      await Promise.all(datagrams.map(one));
    },
    close: () => socket.close(),
  };
}

/** Noise of a random length that begins with this byte. */
function garbage(first) {
  const noise = randomBytes(13 + (randomBytes(1)[0] % 160));
  noise[0] = first;
  return noise;
}

/** A packet with the header of a true one, but later in the stream, and noise for a seal. */
function lookalike(datagram, n) {
  const forged = Buffer.concat([datagram.subarray(0, -20), randomBytes(20)]);
  forged.writeUInt16BE((datagram.readUInt16BE(2) + 500 + n) & 0xffff, 2);
  return forged;
}

/** A binding request for somebody, signed with a key that is not theirs (RFC 8489). */
function stun(ufrag) {
  const name = Buffer.from(`${ufrag}:attacker`);
  const padded = Buffer.concat([name, Buffer.alloc((4 - (name.length % 4)) % 4)]);
  const header = Buffer.concat([Buffer.from([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]), randomBytes(12)]);
  const username = Buffer.concat([attribute(0x0006, name.length), padded]);
  const nominate = attribute(0x0025, 0);
  const body = Buffer.concat([username, nominate]);
  header.writeUInt16BE(body.length + 24, 2);
  const mac = createHmac('sha1', 'a key nobody has').update(Buffer.concat([header, body])).digest();
  return Buffer.concat([header, body, attribute(0x0008, 20), mac]);
}

function attribute(kind, length) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(kind, 0);
  head.writeUInt16BE(length, 2);
  return head;
}

/** A DTLS 1.2 ClientHello, whole and well-formed (RFC 6347), of a client nobody asked for. */
function clientHello() {
  const extensions = Buffer.concat([
    Buffer.from([0, 10, 0, 4, 0, 2, 0, 23]),
    Buffer.from([0, 11, 0, 2, 1, 0]),
    Buffer.from([0, 13, 0, 4, 0, 2, 4, 3]),
    Buffer.from([0, 14, 0, 5, 0, 2, 0, 7, 0]),
  ]);
  const body = Buffer.concat([
    Buffer.from([0xfe, 0xfd]),
    randomBytes(32),
    Buffer.from([0, 0, 0, 2, 0xc0, 0x2b, 1, 0, 0, extensions.length]),
    extensions,
  ]);
  const length = [0, 0, body.length];
  const handshake = Buffer.concat([Buffer.from([1, ...length, 0, 0, 0, 0, 0, ...length]), body]);
  return Buffer.concat([Buffer.from([22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, handshake.length]), handshake]);
}
