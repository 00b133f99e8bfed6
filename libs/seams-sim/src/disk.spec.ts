import { replaceFile } from '#seams';
import { SimCrash } from './crash.js';
import { type DiskOperation, SimDisk } from './disk.js';
import { SimRandom } from './random.js';

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed);

function newDisk(seed: number): SimDisk {
  const disk = new SimDisk({ random: new SimRandom(seed) });
  disk.makeDirectory('/d');
  disk.syncDirectory('/');
  return disk;
}

function durableFile(disk: SimDisk, content: string): void {
  const file = disk.open('/d/f', { create: true });
  file.write([Buffer.from(content)], 0);
  file.syncNow();
  disk.syncDirectory('/d');
  file.close();
}

describe('SimDisk', () => {
  it('keeps everything at kill -9: the page cache outlives the process', () => {
    const disk = newDisk(0);
    disk.open('/d/f', { create: true }).write([Buffer.from('unsynced')], 0);
    const bootId = disk.bootId();
    expect(disk.crash({ loseUnsynced: false })).toBe(0);
    expect(disk.readFile('/d/f')?.toString()).toBe('unsynced');
    expect(disk.bootId()).toBe(bootId);
  });

  it('a loss of power after kill -9 still takes what the dead process never synced', () => {
    const seen = SEEDS.map((seed) => {
      const disk = newDisk(seed);
      durableFile(disk, 'old');
      disk.open('/d/f').write([Buffer.from('new')], 0);
      disk.crash({ loseUnsynced: false });
      disk.crash({ loseUnsynced: true });
      return disk.readFile('/d/f')?.toString();
    });
    expect(new Set(seen)).toEqual(new Set(['old', 'new']));
  });

  it('never loses synced bytes under a synced name, and changes the boot id with the power', () => {
    for (const seed of SEEDS) {
      const disk = newDisk(seed);
      durableFile(disk, 'synced');
      const bootId = disk.bootId();
      const file = disk.open('/d/f');
      file.write([Buffer.alloc(2000, 1)], file.sizeBytes);
      const lost = disk.crash({ loseUnsynced: true });
      expect(disk.readFile('/d/f')?.subarray(0, 6).toString()).toBe('synced');
      expect(lost).toBeGreaterThanOrEqual(0);
      expect(disk.bytesLost).toBe(lost);
      expect(disk.bootId()).not.toBe(bootId);
    }
  });

  it('tears unsynced writes at sectors, and every outcome between nothing and all occurs', () => {
    const keptSectors = new Set<number>();
    for (const seed of SEEDS) {
      const disk = newDisk(seed);
      durableFile(disk, '');
      disk.open('/d/f').write([Buffer.alloc(4 * 512, 9)], 0);
      disk.crash({ loseUnsynced: true });
      const content = disk.readFile('/d/f')!;
      for (let at = 0; at + 512 <= content.length; at += 512)
        expect([0, 9 * 512]).toContain(content.subarray(at, at + 512).reduce((sum, byte) => sum + byte, 0));
      keptSectors.add(content.reduce((sum, byte) => sum + byte, 0) / (9 * 512));
    }
    expect([...keptSectors].sort()).toEqual([0, 1, 2, 3, 4]);
  });

  it('an unsynced truncation is undone or done, never something else, and never damages what was synced before it', () => {
    const seen = new Set<string>();
    for (const seed of SEEDS) {
      const disk = newDisk(seed);
      durableFile(disk, 'abcdef');
      const file = disk.open('/d/f');
      file.truncate(2);
      disk.crash({ loseUnsynced: true });
      seen.add(disk.readFile('/d/f')!.toString());
    }
    expect([...seen].sort()).toEqual(['ab', 'abcdef']);
  });

  it('names persist in the order in which they were made, and all of them after syncDirectory', () => {
    const seen = new Set<string>();
    for (const seed of SEEDS) {
      const disk = newDisk(seed);
      for (const name of ['a', 'b', 'c']) disk.open(`/d/${name}`, { create: true }).syncNow();
      disk.remove('/d/a');
      if (seed === 0) disk.syncDirectory('/d');
      disk.crash({ loseUnsynced: true });
      const names = disk.list('/d').join('');
      if (seed === 0) expect(names).toBe('bc');
      seen.add(names);
    }
    expect([...seen].sort()).toEqual(['', 'a', 'ab', 'abc', 'bc']);
  });

  it('a directory whose name was not synced takes everything in it along', () => {
    const seen = new Set<boolean>();
    for (const seed of SEEDS) {
      const disk = new SimDisk({ random: new SimRandom(seed) });
      disk.makeDirectory('/d/e');
      disk.open('/d/e/f', { create: true }).syncNow();
      disk.syncDirectory('/d/e');
      disk.crash({ loseUnsynced: true });
      seen.add(disk.exists('/d/e/f'));
    }
    expect(seen).toEqual(new Set([true, false]));
  });

  it('counts as durable only what was written before the sync began (R2)', async () => {
    const completions: (() => void)[] = [];
    const disk = new SimDisk({ random: new SimRandom(3), after: (_delayMs, run) => completions.push(run) });
    const file = disk.open('/f', { create: true });
    disk.syncDirectory('/');
    file.write([Buffer.from('before')], 0);
    const synced = file.sync();
    file.write([Buffer.from('-after')], 6);
    expect(disk.unsyncedBytes()).toBe(12);
    for (const complete of completions) complete();
    await synced;
    expect(disk.unsyncedBytes()).toBe(6);
  });

  it('R16: a failed sync drops its pages: a second sync succeeds and the bytes are gone all the same', async () => {
    const disk = newDisk(1);
    durableFile(disk, 'old');
    const file = disk.open('/d/f');
    file.write([Buffer.from('new')], 0);
    disk.injectFault({ kinds: ['sync'], code: 'EIO' });
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' });
    await file.sync();
    expect(file.readNow(0, 3).toString()).toBe('new');
    disk.crash({ loseUnsynced: true });
    expect(disk.readFile('/d/f')?.toString()).toBe('old');
  });

  it('is full when it is full, and has room again after a removal', () => {
    const disk = new SimDisk({ capacityBytes: 100 });
    const file = disk.open('/a', { create: true });
    file.write([Buffer.alloc(90)], 0);
    expect(disk.freeBytes('/')).toBe(10);
    expect(() => file.write([Buffer.alloc(11)], 90)).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
    expect(file.sizeBytes).toBe(90);
    disk.remove('/a');
    expect(disk.freeBytes('/')).toBe(100);
  });

  it('crashes the caller after the chosen operation, and lets a dead process touch nothing more', async () => {
    const disk = newDisk(2);
    const file = disk.open('/d/f', { create: true });
    disk.failAt(2);
    file.write([Buffer.from('a')], 0);
    expect(() => file.write([Buffer.from('b')], 1)).toThrow(SimCrash);
    expect(() => file.write([Buffer.from('c')], 2)).toThrow(SimCrash);
    expect(() => disk.exists('/d/f')).toThrow(SimCrash);
    disk.crash({ loseUnsynced: false });
    expect(disk.readFile('/d/f')?.toString()).toBe('ab');
    expect(() => file.readNow(0, 1)).toThrow(SimCrash);
  });

  it('R16: replaceFile leaves the old or the new content at every crash point and in every allowed image', () => {
    const operations: DiskOperation[] = [];
    const recorded = newDisk(0);
    replaceFile(recorded, '/d', 'meta', Buffer.from('old'));
    recorded.onOperation((operation) => operations.push(operation));
    replaceFile(recorded, '/d', 'meta', Buffer.from('new'));
    const seen = new Set<string>();
    for (let point = 1; point <= operations.length; point++) {
      for (const seed of SEEDS) {
        const disk = newDisk(seed);
        replaceFile(disk, '/d', 'meta', Buffer.from('old'));
        disk.failAt(point);
        expect(() => replaceFile(disk, '/d', 'meta', Buffer.from('new'))).toThrow(SimCrash);
        disk.crash({ loseUnsynced: true });
        seen.add(disk.readFile('/d/meta')?.toString() ?? 'missing');
      }
    }
    expect([...seen].sort()).toEqual(['new', 'old']);
  });

  it('R11: frees locks with the process', async () => {
    const disk = newDisk(0);
    expect(await disk.lock('x')).not.toBeNull();
    expect(await disk.lock('x')).toBeNull();
    disk.crash({ loseUnsynced: false });
    expect(await disk.lock('x')).not.toBeNull();
  });
});
