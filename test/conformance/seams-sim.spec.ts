import { SimDisk, SimRandom, SimWorld } from '#seams-sim';
import { diskConformance } from './disk.conformance.js';
import { networkConformance } from './network.conformance.js';
import { schedulerConformance } from './scheduler.conformance.js';

diskConformance('SimDisk', () => {
  const disk = new SimDisk({ random: new SimRandom(1) });
  disk.makeDirectory('/data');
  return { disk, directory: '/data', close: () => {} };
});

schedulerConformance('SimScheduler', () => {
  const world = new SimWorld({ seed: 1 });
  const { clock, scheduler } = world.start('process');
  return { clock, scheduler, settle: (ms) => world.runFor(ms) };
});

for (const seed of [1, 2, 3]) {
  networkConformance(`SimNetwork, seed ${seed}`, () => {
    const world = new SimWorld({ seed });
    return {
      server: world.start('server').network,
      client: world.start('client').network,
      host: 'server',
      wait: (work) => world.settle(work),
      close: async () => {},
    };
  });
}
