import { mkdirSync, rmdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Ports that one local cluster of up to eight brokers takes, as `yak up` spreads them. */
export interface ClusterPorts {
  readonly tcp: number;
  readonly kafka: number;
  readonly http: number;
  readonly coordinator: number;
}

const BLOCK = 400;

/**
 * A block of ports below the ephemeral range that nobody listens on, reserved against other test runs on this machine by a
 * folder whose name is the block (mkdir is atomic); freed by the returned function.
 */
export async function reserveClusterPorts(): Promise<{ ports: ClusterPorts; release: () => void }> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const base = 20_000 + BLOCK * Math.floor(Math.random() * 16);
    const folder = join(tmpdir(), `yak-test-ports-${base}`);
    try {
      mkdirSync(folder);
    } catch {
      if (attempt > 100) rmdirSync(folder); // left behind by a run that was killed
      continue;
    }
    const release = (): void => {
      try {
        rmdirSync(folder);
      } catch {
        // Another run found it stale and took it away.
      }
    };
    const ports = { tcp: base, kafka: base + 50, http: base + 20, coordinator: base + 40 };
    const all = [ports.coordinator, ports.coordinator + 5_000];
    for (let n = 0; n < 8; n++) all.push(ports.tcp + n, ports.kafka + n, ports.kafka + 100 + n, ports.http + n);
    if ((await Promise.all(all.map(isFree))).every(Boolean)) return { ports, release };
    release();
  }
  throw new Error('no free block of ports was found');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
