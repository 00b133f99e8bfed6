/**
 * One file of a data folder with an offset per partition: recovery points, log start offsets, high watermarks. `storeNow` is
 * durable when it returns. `storeSoon` never blocks: the content is synced in the background and then renamed, and a crash leaves
 * the older file, which is as true as the newer one; a `storeNow` that comes meanwhile wins.
 */
import { CorruptionError, type Offset } from '#kernel';
import { type Disk, replaceFile } from '#seams';
import { decodeCheckpoint, encodeCheckpoint, parseInteger } from './text-checkpoint.js';

export class OffsetCheckpoint {
  /** Raised by every store, so that an older one in the background gives up. */
  private version = 0;
  private isStoring = false;

  constructor(
    private readonly disk: Disk,
    private readonly directory: string,
    readonly name: string,
  ) {}

  /** Keyed `<topic>-<partition>`. Null when the file does not exist; throws CorruptionError when it is damaged. */
  load(): Map<string, Offset> | null {
    const content = this.disk.readFile(`${this.directory}/${this.name}`);
    if (content === null) return null;
    const offsets = new Map<string, Offset>();
    for (const [topic, partition, offset] of decodeCheckpoint(content, this.name, 3)) {
      const key = `${topic}-${parseInteger(partition!, this.name)}`;
      if (offsets.has(key)) throw new CorruptionError(`${this.name} names ${key} twice`);
      offsets.set(key, parseInteger(offset!, this.name));
    }
    return offsets;
  }

  storeNow(offsets: ReadonlyMap<string, Offset>): void {
    this.version++;
    replaceFile(this.disk, this.directory, this.name, encode(offsets));
  }

  /** Rejects with the disk's error. Does nothing while an earlier one still runs. */
  async storeSoon(offsets: ReadonlyMap<string, Offset>): Promise<void> {
    if (this.isStoring) return;
    this.isStoring = true;
    const version = ++this.version;
    const temporary = `${this.directory}/${this.name}.background.tmp`;
    const file = this.disk.open(temporary, { create: true });
    try {
      file.truncate(0);
      file.write([encode(offsets)], 0);
      await file.sync();
      if (version === this.version) this.disk.rename(temporary, `${this.directory}/${this.name}`);
    } finally {
      this.isStoring = false;
      file.close();
    }
  }

  /** A store in the background must not touch the folder any more. */
  abandon(): void {
    this.version++;
  }
}

function encode(offsets: ReadonlyMap<string, Offset>): Buffer {
  const lines: string[] = [];
  for (const [key, offset] of offsets) {
    const dash = key.lastIndexOf('-');
    lines.push(`${key.slice(0, dash)} ${key.slice(dash + 1)} ${offset}`);
  }
  return encodeCheckpoint(lines.sort());
}
