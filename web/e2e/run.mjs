// Plays one scenario against a running demo: `STAGE='{…}' node e2e/run.mjs NAME`.
// STAGE is the line that `offhook demo --json` prints.

import { Cast } from './cast.mjs';

const [name] = process.argv.slice(2);
const { default: scenario } = await import(`./scenarios/${name}.mjs`);
const cast = new Cast(JSON.parse(process.env.STAGE));
const limit = setTimeout(() => {
  console.error(`${name} took too long`);
  process.exit(1);
}, 120_000);
let failed = false;
try {
  await scenario(cast);
} catch (error) {
  failed = true;
  console.error(error.stack ?? error);
  await cast.testify();
} finally {
  await cast.close();
  clearTimeout(limit);
}
process.exit(failed ? 1 : 0);
