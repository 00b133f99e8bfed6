#!/usr/bin/env node
// Starts the built command line (dist/bin/cli.cjs); says how to build it when it is not there.
import { existsSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);
const entry = new URL('../dist/bin/cli.cjs', import.meta.url);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`yak: Node ${process.versions.node} is too old; 20.19 or newer is needed`);
  process.exitCode = 1;
} else if (!existsSync(entry)) {
  console.error('yak: not built yet; run "npm ci && npm run build" in the checkout first');
  process.exitCode = 1;
} else {
  await import(entry.href);
}
