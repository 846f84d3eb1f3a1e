// A phone in another program, which speaks JSON lines.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Peer {
  #child;
  #events = [];
  #waiting = [];
  #complaints = '';

  constructor(command, args) {
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#events.push(JSON.parse(line));
      for (const wake of this.#waiting.splice(0)) wake();
    });
    this.#child.stderr.on('data', (data) => (this.#complaints += data));
    this.#child.on('exit', () => {
      this.#events.push({ event: 'exit' });
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  /** Waits for an event of this name. */
  async event(name, ms = 20_000) {
    const limit = AbortSignal.timeout(ms);
    for (;;) {
      const found = this.#events.find((event) => event.event === name);
      if (found) return found;
      if (limit.aborted || this.#events.some((event) => event.event === 'exit')) {
        throw new Error(`the peer never said ${name}: ${JSON.stringify(this.#events)}\n${this.#complaints}`);
      }
      await new Promise((resolve) => {
        this.#waiting.push(resolve);
        setTimeout(resolve, 100);
      });
    }
  }

  close() {
    this.#child.kill();
  }
}
