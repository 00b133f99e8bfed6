import type { Disk } from '#seams';

/** mkdir -p whose names survive a loss of power: the parent of each directory that may be new is synced (R16). */
export function makeDirectoryDurably(disk: Disk, path: string): void {
  const parents = [parentOf(path)];
  for (let missing = parentOf(path); !disk.exists(missing) && parentOf(missing) !== missing; missing = parentOf(missing)) {
    parents.push(parentOf(missing));
  }
  disk.makeDirectory(path);
  for (const parent of parents.reverse()) disk.syncDirectory(parent);
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  if (slash > 0) return path.slice(0, slash);
  return slash === 0 ? '/' : '.';
}
