import fc from 'fast-check';
import type { DoorWorld } from './door-world.js';

/** Sends requests with one byte changed, or with a size that ends them early; each on a connection of its own, one after another. */
export async function sendDamaged(world: DoorWorld, requests: readonly (readonly Uint8Array[])[], numRuns: number): Promise<void> {
  const frames = requests.map((chunks) => Buffer.concat(chunks));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...frames), fc.nat(), fc.nat({ max: 255 }), fc.boolean(), async (frame, at, byte, cut) => {
      const bad = await world.connect();
      const damaged = Buffer.from(frame);
      if (cut) damaged.writeInt32BE(Math.max(0, (at % frame.length) - 4), 0);
      else damaged[4 + (at % (frame.length - 4))] = byte;
      bad.raw(damaged);
      await world.world.runFor(5);
      bad.connection.destroy();
    }),
    { numRuns },
  );
}
