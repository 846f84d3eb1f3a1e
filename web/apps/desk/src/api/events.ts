/** What happened, from the one log. */

import { page, withQuery, type Page } from './client';

export interface LoggedEvent {
  readonly id: string;
  readonly type: string;
  readonly created_at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export function events(narrowed: {
  type?: string | null;
  resource_id?: string;
  limit?: number;
  cursor?: string | null;
}): Promise<Page<LoggedEvent>> {
  return page(withQuery('/api/v1/events', narrowed));
}

export interface Listener {
  onevent: (event: LoggedEvent) => void;
  /** Whether events come as they happen; the browser connects again by itself. */
  onlive: (live: boolean) => void;
  /** The server wants no more of it: rights or session are gone, or too many streams are open. */
  onend: () => void;
}

/** Events as they happen, from now on. Returns how to stop. */
export function follow(types: string | null, kinds: readonly string[], listener: Listener): () => void {
  const source = new EventSource(withQuery('/api/v1/events/stream', { types }));
  source.onopen = () => listener.onlive(true);
  source.onerror = () => {
    listener.onlive(false);
    if (source.readyState === EventSource.CLOSED) listener.onend();
  };
  const take = ({ data }: MessageEvent<string>) => listener.onevent(JSON.parse(data));
  // Frames bear the event's name, and a browser hears only the names it was told.
  for (const kind of kinds) source.addEventListener(kind, take);
  return () => source.close();
}
