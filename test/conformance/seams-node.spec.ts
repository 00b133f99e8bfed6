import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeClock, NodeDisk, NodeNetwork, NodeScheduler } from '#seams-node';
import { diskConformance } from './disk.conformance.js';
import { networkConformance } from './network.conformance.js';
import { schedulerConformance } from './scheduler.conformance.js';

diskConformance('NodeDisk', () => {
  const directory = fs.mkdtempSync(join(tmpdir(), 'yak-disk-'));
  return { disk: new NodeDisk(), directory, close: () => fs.rmSync(directory, { recursive: true }) };
});

schedulerConformance('NodeScheduler', () => ({
  clock: new NodeClock(),
  scheduler: new NodeScheduler(),
  settle: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}));

networkConformance('NodeNetwork', () => {
  const network = new NodeNetwork();
  return { server: network, client: network, host: '127.0.0.1', wait: (work) => work, close: async () => {} };
});
