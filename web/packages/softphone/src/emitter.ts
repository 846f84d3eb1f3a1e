/** Typed events. A listener that throws is reported and does not stop the others. */

type Listener<Arguments extends unknown[]> = (...args: Arguments) => void;

export class Emitter<Events extends Record<keyof Events, unknown[]>> {
  readonly #listeners: { [Name in keyof Events]?: Set<Listener<Events[Name]>> } = {};

  /** Calls `listener` at every `name`. Returns the way to stop it. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    (this.#listeners[name] ??= new Set()).add(listener);
    return () => this.off(name, listener);
  }

  once<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const stop = this.on(name, (...args) => {
      stop();
      listener(...args);
    });
    return stop;
  }

  off<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    this.#listeners[name]?.delete(listener);
  }

  removeAllListeners(): void {
    for (const name in this.#listeners) delete this.#listeners[name];
  }

  /** @internal */
  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const listener of [...(this.#listeners[name] ?? [])]) {
      try {
        listener(...args);
      } catch (error) {
        // Lands in the page's unhandledrejection, where its author looks.
        void Promise.reject(error);
      }
    }
  }
}
