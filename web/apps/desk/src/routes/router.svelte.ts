/** Which page the address bar asks for. */

const PATHS = ['/', '/login', '/keys', '/people', '/audit', '/password'] as const;

export type Path = (typeof PATHS)[number];

/** The page works under a path too, so only the last part counts. */
function read(): Path {
  const last = location.pathname.slice(location.pathname.lastIndexOf('/'));
  return PATHS.find((path) => path === last) ?? '/';
}

class Router {
  #path = $state<Path>(read());

  constructor() {
    addEventListener('popstate', () => (this.#path = read()));
  }

  get path(): Path {
    return this.#path;
  }

  go(path: Path): void {
    if (path === this.#path) return;
    history.pushState(null, '', path);
    this.#path = path;
  }
}

export const router = new Router();
