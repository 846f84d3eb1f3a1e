// A network between a desk and the media port that can change: the desk reaches the port through a relay at one
// loopback address, then through one at another, and never directly.
import { createSocket } from 'node:dgram';

/** A way to the port: datagrams go through it until it is cut, without a word. */
class Way {
  #sockets = new Map();
  #outside;

  constructor(host, port) {
    this.host = host;
    this.port = port;
    this.isCut = false;
  }

  async open() {
    this.#outside = createSocket('udp4');
    this.#outside.on('message', (datagram, from) => this.#out(datagram, from));
    await new Promise((resolve) => this.#outside.bind(0, this.host, resolve));
    return this;
  }

  /** Where a desk sends to. */
  get at() {
    return `${this.host} ${this.#outside.address().port}`;
  }

  close() {
    for (const socket of [this.#outside, ...this.#sockets.values()]) socket.close();
  }

  #out(datagram, from) {
    if (this.isCut) return;
    const key = `${from.address}:${from.port}`;
    let socket = this.#sockets.get(key);
    if (!socket) {
      socket = createSocket('udp4');
      socket.on('message', (reply) => this.isCut || this.#outside.send(reply, from.port, from.address));
      socket.bind(0, this.host);
      this.#sockets.set(key, socket);
    }
    socket.send(datagram, this.port, '127.0.0.1');
  }
}

/** Lets a desk reach the media port at `business` by ways alone; the first one is open. */
export class Network {
  #ways = [];

  constructor(page, business) {
    this.page = page;
    this.port = Number(business.slice(business.lastIndexOf(':') + 1));
  }

  /** From now on descriptions of the server's name another way. Those before stay as they are. */
  async change() {
    const way = await new Way(`127.0.0.${2 + this.#ways.length}`, this.port).open();
    this.#ways.push(way);
    await this.page.evaluate((at) => (window.way = at), way.at);
  }

  /** Nothing goes through the way in use any more. */
  cut() {
    this.#ways.at(-1).isCut = true;
  }

  close() {
    for (const way of this.#ways) way.close();
  }
}

/** Runs in the page, before its own scripts: what it sends is kept, and `window.way` is the way to the server. */
export function throughWays() {
  window.sent = [];
  window.way = undefined;
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (text) {
    const message = JSON.parse(text);
    window.sent.push(message);
    // The server is not to find the page but through the way.
    if (window.way && message.sdp) message.sdp = message.sdp.replace(/a=candidate.*\r\n/g, '');
    if (window.way && message.type === 'call.candidate') message.candidate = '';
    return send.call(this, JSON.stringify(message));
  };
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    const lead = /(a=candidate:\S+ \d udp \d+ )\S+ \d+/g;
    return setRemoteDescription.call(this, { type, sdp: window.way ? sdp.replace(lead, `$1${window.way}`) : sdp });
  };
}
