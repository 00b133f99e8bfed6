/** The seams of a real process, for clients of our own in tests and measurements. */
import type { ClientSeams } from '#client';
import { silentLogger } from '#seams';
import { NodeClock, NodeNetwork, NodeRandom, NodeScheduler } from '#seams-node';

export const seams: ClientSeams = {
  clock: new NodeClock(),
  scheduler: new NodeScheduler(),
  random: new NodeRandom(),
  network: new NodeNetwork(),
  logger: silentLogger,
};
