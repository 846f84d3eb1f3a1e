import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';

const rooms = ['api', 'dialing', 'features', 'phone', 'session', 'ui', 'words'];

export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  // Relative, so that the page also works under a path.
  base: './',
  resolve: {
    // The softphone straight from its sources: one build, never stale.
    conditions: ['offhook-source', 'browser', 'module', 'import', 'default'],
    alias: rooms.map((room) => ({
      find: `$${room}`,
      replacement: new URL(`src/${room}`, import.meta.url).pathname,
    })),
  },
  build: {
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // An inlined asset would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: { environment: 'happy-dom' },
});
