/** Which page the address bar asks for, and which thing on it: `/hooks#wh_1`. */

// Not `/webhooks`: that path is Meta's door.
const PATHS = [
  '/',
  '/login',
  '/contacts',
  '/lists',
  '/segments',
  '/imports',
  '/figures',
  '/numbers',
  '/hooks',
  '/events',
  '/keys',
  '/people',
  '/audit',
  '/password',
] as const;

export type Path = (typeof PATHS)[number];

/** The page works under a path too, so only the last part counts. */
function read(pathname: string): Path | undefined {
  const last = pathname.slice(pathname.lastIndexOf('/'));
  return PATHS.find((path) => path === last);
}

class Router {
  #path = $state<Path>(read(location.pathname) ?? '/');
  #detail = $state(location.hash.slice(1));

  constructor() {
    addEventListener('popstate', () => {
      this.#path = read(location.pathname) ?? '/';
      this.#detail = location.hash.slice(1);
    });
  }

  get path(): Path {
    return this.#path;
  }

  /** What of the page is looked at, by its id; empty for all of it. Ids stay out of the server's logs. */
  get detail(): string {
    return this.#detail;
  }

  go(path: Path, detail = ''): void {
    if (path === this.#path && detail === this.#detail) return;
    history.pushState(null, '', detail === '' ? path : `${path}#${detail}`);
    this.#path = path;
    this.#detail = detail;
    scrollTo(0, 0);
  }

  /** A click on a link of ours changes the page without loading it: a call goes on. */
  follow(event: MouseEvent): void {
    // Another tab or window is the browser's to open.
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.target !== '' || link.hasAttribute('download')) return;
    const path = link.origin === location.origin ? read(link.pathname) : undefined;
    if (path === undefined) return;
    event.preventDefault();
    this.go(path, link.hash.slice(1));
  }
}

export const router = new Router();
