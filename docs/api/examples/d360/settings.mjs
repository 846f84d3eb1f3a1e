// Reads the number's settings.
import { ask } from './d360.mjs';

console.log(JSON.stringify(await ask('GET', '/calling/settings')));
