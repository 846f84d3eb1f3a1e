/** A list that is read page by page. Answers that came too late, because something else was asked, are dropped. */

import type { Page } from '$api/client';
import { session } from './session.svelte';

export class Paged<Row> {
  /** Null until the first page came. */
  rows = $state.raw<readonly Row[] | null>(null);
  total = $state<number | null>(null);
  busy = $state(false);
  problem = $state<string | null>(null);

  #cursor = $state<string | null>(null);
  #read: ((cursor: string | null) => Promise<Page<Row>>) | null = null;

  get hasMore(): boolean {
    return this.#cursor !== null;
  }

  /** Begins anew with another question. */
  async ask(read: (cursor: string | null) => Promise<Page<Row>>): Promise<void> {
    this.#read = read;
    await this.#load(null);
  }

  async again(): Promise<void> {
    await this.#load(null);
  }

  async more(): Promise<void> {
    if (this.#cursor !== null) await this.#load(this.#cursor);
  }

  async #load(cursor: string | null): Promise<void> {
    const read = this.#read;
    if (read === null) return;
    this.busy = true;
    try {
      const page = await read(cursor);
      if (read !== this.#read) return;
      this.rows = cursor === null ? page.rows : [...(this.rows ?? []), ...page.rows];
      this.total = page.total;
      this.#cursor = page.cursor;
      this.problem = null;
    } catch (error) {
      if (read === this.#read) this.problem = session.explain(error);
    } finally {
      if (read === this.#read) this.busy = false;
    }
  }
}
