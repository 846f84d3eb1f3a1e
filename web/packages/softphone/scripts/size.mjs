/** Refuses a softphone that grew past its budget. A page waits for these bytes before it can ring. */

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET = 15 * 1024;

const built = readFileSync(new URL('../dist/index.js', import.meta.url));
const size = gzipSync(built, { level: 9 }).length;
console.log(`softphone: ${size} of ${BUDGET} bytes gzipped`);
if (size > BUDGET) process.exit(1);
