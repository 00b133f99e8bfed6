/** What every Disk must do while nothing goes wrong; crashes are the simulated disk's own spec. */
import type { Disk } from '#seams';
import { replaceFile } from '#seams';

export interface DiskFixture {
  readonly disk: Disk;
  /** An existing empty directory. */
  readonly directory: string;
  close(): void;
}

export function diskConformance(name: string, create: () => DiskFixture): void {
  describe(`Disk conformance: ${name}`, () => {
    let fixture: DiskFixture;
    let disk: Disk;
    let path: (name: string) => string;
    beforeEach(() => {
      fixture = create();
      disk = fixture.disk;
      path = (file) => `${fixture.directory}/${file}`;
    });
    afterEach(() => fixture.close());

    it('writes many chunks as one, at a position, and reads them back', async () => {
      const file = disk.open(path('a.log'), { create: true });
      const chunks = Array.from({ length: 3000 }, (_, index) => Buffer.from(`${index};`));
      file.write(chunks, 0);
      const expected = Buffer.concat(chunks);
      expect(file.sizeBytes).toBe(expected.length);
      expect(file.readNow(0, expected.length + 10).equals(expected)).toBe(true);
      expect((await file.read(5, 7)).equals(expected.subarray(5, 12))).toBe(true);
      file.write([Buffer.from('XY')], 2);
      expect(file.readNow(0, 5).toString()).toBe('0;XY2');
      expect(file.sizeBytes).toBe(expected.length);
      file.close();
    });

    it('lets the caller reuse buffers as soon as write returns, and gives copies on read', async () => {
      const file = disk.open(path('a.log'), { create: true });
      const buffer = Buffer.from('first');
      file.write([buffer], 0);
      buffer.fill(0);
      file.readNow(0, 5).fill(0);
      await file.sync();
      expect(file.readNow(0, 5).toString()).toBe('first');
      file.close();
    });

    it('reads fewer bytes at the end and none beyond it', async () => {
      const file = disk.open(path('a.log'), { create: true });
      file.write([Buffer.from('abc')], 0);
      expect(file.readNow(1, 100).toString()).toBe('bc');
      expect(file.readNow(3, 1)).toHaveLength(0);
      expect(file.readNow(9, 1)).toHaveLength(0);
      expect(await file.read(9, 1)).toHaveLength(0);
      file.close();
    });

    it('truncates, and a gap left by a later write reads as zeros', () => {
      const file = disk.open(path('a.log'), { create: true });
      file.write([Buffer.from('abcdef')], 0);
      file.truncate(2);
      expect(file.sizeBytes).toBe(2);
      file.write([Buffer.from('z')], 4);
      file.syncNow();
      expect([...file.readNow(0, 10)]).toEqual([97, 98, 0, 0, 122]);
      file.close();
    });

    it('opens what exists, refuses what does not, and forgets nothing on close', () => {
      expect(() => disk.open(path('none'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
      const file = disk.open(path('a'), { create: true });
      file.write([Buffer.from('kept')], 0);
      file.close();
      const again = disk.open(path('a'), { create: true });
      expect(again.sizeBytes).toBe(4);
      again.close();
      expect(disk.readFile(path('a'))?.toString()).toBe('kept');
      expect(disk.readFile(path('none'))).toBeNull();
    });

    it('refuses to use a closed file', async () => {
      const file = disk.open(path('a'), { create: true });
      file.close();
      file.close();
      expect(() => file.write([Buffer.from('x')], 0)).toThrow(expect.objectContaining({ code: 'EBADF' }));
      await expect(file.sync()).rejects.toMatchObject({ code: 'EBADF' });
      await expect(file.read(0, 1)).rejects.toMatchObject({ code: 'EBADF' });
      expect(() => file.readNow(0, 1)).toThrow(expect.objectContaining({ code: 'EBADF' }));
      expect(() => file.truncate(0)).toThrow(expect.objectContaining({ code: 'EBADF' }));
      expect(() => file.syncNow()).toThrow(expect.objectContaining({ code: 'EBADF' }));
    });

    it('lists sorted names, makes nested directories, and throws ENOENT for a missing one', () => {
      disk.makeDirectory(path('b/c'));
      disk.makeDirectory(path('b/c'));
      disk.open(path('a'), { create: true }).close();
      expect(disk.list(fixture.directory)).toEqual(['a', 'b']);
      expect(disk.exists(path('b/c'))).toBe(true);
      expect(() => disk.list(path('none'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
      expect(() => disk.open(path('none/a'), { create: true })).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    });

    it('renames over an existing file and removes files and whole directories; a missing one is no error', () => {
      disk.makeDirectory(path('d/e'));
      for (const name of ['x', 'y', 'd/e/z']) disk.open(path(name), { create: true }).close();
      disk.rename(path('x'), path('y'));
      disk.syncDirectory(fixture.directory);
      expect(disk.list(fixture.directory)).toEqual(['d', 'y']);
      expect(() => disk.rename(path('x'), path('y'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
      disk.remove(path('d'));
      disk.remove(path('y'));
      disk.remove(path('never'));
      expect(disk.list(fixture.directory)).toEqual([]);
    });

    it('goes on reading an open file that was removed', () => {
      const file = disk.open(path('a'), { create: true });
      file.write([Buffer.from('still')], 0);
      disk.remove(path('a'));
      expect(file.readNow(0, 5).toString()).toBe('still');
      file.close();
    });

    it('replaces a small file as a whole', () => {
      replaceFile(disk, fixture.directory, 'meta', Buffer.from('one'));
      replaceFile(disk, fixture.directory, 'meta', Buffer.from('two'));
      expect(disk.readFile(path('meta'))?.toString()).toBe('two');
      expect(disk.list(fixture.directory)).toEqual(['meta']);
    });

    it('R11: gives a lock to one holder at a time', async () => {
      const name = `conformance-${fixture.directory}`;
      const first = await disk.lock(name);
      expect(first).not.toBeNull();
      expect(await disk.lock(name)).toBeNull();
      await first!.release();
      const second = await disk.lock(name);
      expect(second).not.toBeNull();
      await second!.release();
    });

    it('knows its boot and its free space', () => {
      expect(disk.bootId()).toBe(disk.bootId());
      expect(disk.bootId()).not.toBe('');
      expect(disk.freeBytes(path('not/yet/made'))).toBeGreaterThan(0);
    });
  });
}
