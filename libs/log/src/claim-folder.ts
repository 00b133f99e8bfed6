/** The first steps of opening a data folder: it exists, it is one of ours or empty, and no other process has it (R11). */
import { YakError } from '#kernel';
import { type Disk, type Random, randomId } from '#seams';
import { type FolderIdentity, loadIdentity, META_PROPERTIES, storeIdentity } from './folder-identity.js';
import { parsePartitionFolder } from './partition-folder.js';

/** The folder and those above it, as far as they were missing, durable. */
export function makeDurably(disk: Disk, path: string): void {
  const missing: string[] = [];
  for (let each = path; each !== '' && !disk.exists(each); each = each.slice(0, Math.max(0, each.lastIndexOf('/')))) missing.push(each);
  if (missing.length === 0) return;
  disk.makeDirectory(path);
  for (const each of missing) disk.syncDirectory(each.slice(0, each.lastIndexOf('/')) || (each.startsWith('/') ? '/' : '.'));
}

/** Two starters may both find no identity: the lock, and reading again under it, settles whose id stands. */
export async function claimFolder(
  { disk, random }: { readonly disk: Disk; readonly random: Random },
  path: string,
): Promise<{ identity: FolderIdentity; lock: { release(): Promise<void> } }> {
  for (;;) {
    let identity = loadIdentity(disk, path);
    if (identity === null) {
      const foreign = disk.list(path).find((name) => parsePartitionFolder(name) !== null);
      if (foreign !== undefined) {
        throw new YakError(
          'UNSUPPORTED_FORMAT',
          `${path} has partition folders (${foreign}) but no ${META_PROPERTIES}: it is no data folder of YaK`,
        );
      }
      identity = { directoryId: randomId(random), clusterId: null, brokerId: null };
      storeIdentity(disk, path, identity);
    }
    const lock = await disk.lock(`yak-${identity.directoryId}`);
    if (lock === null) {
      throw new YakError('DATA_FOLDER_IN_USE', `${path} is in use by another broker process: stop it first, or use another data folder`);
    }
    const current = loadIdentity(disk, path);
    if (current?.directoryId === identity.directoryId) return { identity: current, lock };
    await lock.release();
  }
}
