import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeDisk } from './disk.js';
import { createLogger, readableLine } from './logger.js';
import { NodeNetwork } from './network.js';
import { acquirePidFile } from './process-lock.js';
import { resolveAddress } from './resolve-address.js';
import { NodeRandom, NodeScheduler } from './time.js';

describe('createLogger', () => {
  it('writes one JSON line per message with name, fields and those of its parents, from its level up', () => {
    const lines: string[] = [];
    const logger = createLogger({ level: 'info', name: 'broker-0', destination: { write: (line) => lines.push(line) } });
    logger.debug('not shown');
    logger.child({ topic: 't' }).warn('disk is slow', { ageMs: 812 });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'warn', name: 'broker-0', msg: 'disk is slow', topic: 't', ageMs: 812 });
  });

  it('writes a readable line for people', () => {
    const line = readableLine(
      '{"time":"2026-01-02T03:04:05.678Z","level":"warn","name":"broker-0","msg":"disk is slow","ageMs":812,"path":"a b","error":{"message":"EIO"}}',
    );
    expect(line).toBe('03:04:05.678 warn  broker-0  disk is slow  ageMs=812 path="a b" error="EIO"\n');
  });
});

describe('NodeDisk', () => {
  it('reports what the system said with its code and the path', () => {
    const directory = fs.mkdtempSync(join(tmpdir(), 'yak-disk-'));
    fs.writeFileSync(join(directory, 'file'), '');
    expect(() => new NodeDisk().makeDirectory(join(directory, 'file/below'))).toThrow(
      expect.objectContaining({ name: 'YakError', code: 'ENOTDIR', message: expect.stringContaining('file/below') }),
    );
    fs.rmSync(directory, { recursive: true });
  });

  it('R11: the lock file of the fallback is refused while its holder lives and taken over afterwards', async () => {
    const name = `spec-${process.pid}-${new NodeRandom().integer(1e9)}`;
    const path = join(tmpdir(), `yak-${name}.lock`);
    const held = await acquirePidFile(name);
    expect(await acquirePidFile(name)).toBeNull();
    await held!.release();
    fs.writeFileSync(path, '999999999');
    const takenOver = await acquirePidFile(name);
    expect(takenOver).not.toBeNull();
    await takenOver!.release();
    expect(fs.existsSync(path)).toBe(false);
  });
});

describe('NodeNetwork', () => {
  it('says CANNOT_LISTEN for an address that is not ours', async () => {
    const failure = await new NodeNetwork().listen({ host: '192.0.2.1', port: 0 }, () => {}).catch((error) => error);
    expect(failure).toMatchObject({ code: 'CANNOT_LISTEN', message: expect.stringContaining('192.0.2.1') });
  });
});

describe('NodeScheduler and NodeRandom', () => {
  it('waits longer than setTimeout can', () => {
    const timer = new NodeScheduler().after(2 ** 33, () => {});
    timer.cancel();
  });

  it('draws within bounds', () => {
    const random = new NodeRandom();
    for (let draw = 0; draw < 100; draw++) {
      expect(random.next()).toBeLessThan(1);
      expect([0, 1, 2]).toContain(random.integer(3));
    }
    expect(random.integer(1)).toBe(0);
    expect(random.bytes(5)).toHaveLength(5);
  });
});

describe('resolveAddress', () => {
  it('gives every address behind a name with its port, IPv4 first, in the same order each time', async () => {
    const found = await resolveAddress({ host: 'localhost', port: 3180 });
    expect(found[0]).toEqual({ host: '127.0.0.1', port: 3180 });
    expect(new Set(found.map((each) => each.host)).size).toBe(found.length);
    expect(await Promise.all([1, 2, 3].map(() => resolveAddress({ host: 'localhost', port: 3180 })))).toEqual([found, found, found]);
  });

  it('answers with the name itself when it cannot be resolved, or not in time, and with an address as it is', async () => {
    expect(await resolveAddress({ host: 'no-such-host.invalid', port: 1 })).toEqual([{ host: 'no-such-host.invalid', port: 1 }]);
    expect(await resolveAddress({ host: 'no-such-host-either.invalid', port: 1 }, 0)).toEqual([
      { host: 'no-such-host-either.invalid', port: 1 },
    ]);
    expect(await resolveAddress({ host: '::1', port: 7 })).toEqual([{ host: '::1', port: 7 }]);
  });
});
