// Tells whether the user TO may be called.
import { ask } from './d360.mjs';

console.log(JSON.stringify(await ask('GET', `/calling/permissions/${process.env.TO}`)));
