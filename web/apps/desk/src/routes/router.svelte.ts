/** Which page the address bar asks for. */

type Path = '/' | '/login';

function read(): Path {
  return location.pathname.endsWith('/login') ? '/login' : '/';
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
