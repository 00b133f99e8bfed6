import { SimDisk, SimRandom } from '#seams-sim';
import type { MetadataImage } from './image.js';
import { MetadataCopy } from './metadata-copy.js';
import { NEW_HISTORY_STEP } from './new-history.js';
import type { MetadataEntry } from './records.js';
import { threeBrokers } from './testing/model-cluster.js';

const PATH = '/data/metadata.log';

function history() {
  const cluster = threeBrokers();
  cluster.fence(0);
  cluster.up(0);
  return cluster;
}

function update(entries: readonly MetadataEntry[]) {
  return { kind: 'entries' as const, entries };
}
function snapshotOf(image: MetadataImage) {
  return { kind: 'snapshot' as const, snapshot: image.toSnapshot() };
}

describe('MetadataCopy', () => {
  it('R17: a change is durable when applyDurably returns, and comes back after a loss of power', () => {
    const { entries, image } = history();
    const disk = new SimDisk();
    const copy = MetadataCopy.open(disk, PATH);
    for (const entry of entries) {
      expect(copy.applyDurably(update([entry]), 4)).toMatchObject({ kind: 'applied', entries: [entry] });
      expect(disk.unsyncedBytes(PATH)).toBe(0);
    }
    disk.crash({ loseUnsynced: true });
    const again = MetadataCopy.open(disk, PATH);
    expect(again.image.toSnapshot()).toEqual(image.toSnapshot());
    expect(again.highestCoordinatorEpoch).toBe(4);
    expect(again.damage).toBeNull();
  });

  it('R17: rejects a lower coordinator epoch, also after a restart', () => {
    const { entries } = history();
    const disk = new SimDisk();
    const copy = MetadataCopy.open(disk, PATH);
    copy.applyDurably(update(entries.slice(0, 2)), 5);
    copy.noteCoordinatorEpoch(6);
    expect(copy.applyDurably(update(entries.slice(2)), 5)).toEqual({ kind: 'stale-coordinator', highestCoordinatorEpoch: 6 });
    copy.close();
    const again = MetadataCopy.open(disk, PATH);
    expect(again.highestCoordinatorEpoch).toBe(6);
    expect(again.applyDurably(snapshotOf(history().image), 5).kind).toBe('stale-coordinator');
    expect(again.image.revision).toBe(1);
  });

  it('R17: accepts an entry only if it names its own last op id, else wants a snapshot; repeats change nothing', () => {
    const { entries, image } = history();
    const copy = MetadataCopy.open(new SimDisk(), PATH);
    copy.applyDurably(update(entries.slice(0, 3)), 1);
    expect(copy.applyDurably(update(entries.slice(4)), 1).kind).toBe('needs-snapshot');
    expect(copy.applyDurably(update([{ ...entries[3]!, previousOpId: 'other' }]), 1).kind).toBe('needs-snapshot');
    expect(copy.applyDurably(update([entries[3]!, { ...entries[4]!, previousOpId: 'other' }]), 1).kind).toBe('needs-snapshot');
    expect(copy.image.revision).toBe(2);
    expect(copy.applyDurably(update(entries.slice(0, 3)), 1)).toMatchObject({ kind: 'applied', entries: [] });
    expect(copy.applyDurably(update(entries.slice(1, 5)), 1)).toMatchObject({ kind: 'applied', entries: entries.slice(3, 5) });
    expect(copy.applyDurably(snapshotOf(image), 1)).toMatchObject({ kind: 'applied', entries: null });
    expect(copy.image.toSnapshot()).toEqual(image.toSnapshot());
  });

  it('S12: goes forward only; a new history lies ahead of every copy, a store that went back does not (R19)', () => {
    const { image } = history();
    const copy = MetadataCopy.open(new SimDisk(), PATH);
    copy.applyDurably(snapshotOf(image), 1);
    const old = { ...image.toSnapshot(), revision: 1, opId: 'old' };
    expect(copy.applyDurably({ kind: 'snapshot', snapshot: old }, 9).kind).toBe('needs-snapshot');
    // A coordinator that took over an older store has a higher epoch, too.
    const gone = { ...old, coordinatorEpoch: 9 };
    expect(copy.applyDurably({ kind: 'snapshot', snapshot: gone }, 9).kind).toBe('needs-snapshot');
    expect(copy.image.revision).toBe(image.revision);
    const begun = { ...image.toSnapshot(), revision: NEW_HISTORY_STEP, opId: 'new', coordinatorEpoch: NEW_HISTORY_STEP };
    expect(copy.applyDurably({ kind: 'snapshot', snapshot: begun }, NEW_HISTORY_STEP).kind).toBe('applied');
    expect(copy.image).toMatchObject({ revision: NEW_HISTORY_STEP, opId: 'new' });
    expect(copy.applyDurably(snapshotOf(image), NEW_HISTORY_STEP).kind).toBe('needs-snapshot');
  });

  it('a crash at any disk operation leaves a prefix with everything that was applied durably', () => {
    const { entries } = history();
    for (const loseUnsynced of [true, false]) {
      for (let at = 1; ; at++) {
        const disk = new SimDisk({ random: new SimRandom(at) });
        disk.failAt(at);
        let applied = -1;
        let isDone = false;
        try {
          const copy = MetadataCopy.open(disk, PATH);
          for (const entry of entries) {
            copy.applyDurably(update([entry]), 1);
            applied = entry.revision;
          }
          isDone = true;
        } catch {
          // The crash.
        }
        disk.crash({ loseUnsynced });
        const again = MetadataCopy.open(disk, PATH);
        expect(again.damage).toBeNull();
        expect(again.image.revision).toBeGreaterThanOrEqual(applied);
        expect(again.image.revision).toBeLessThanOrEqual(applied + 1);
        if (isDone) break;
      }
    }
  });

  it('a flipped bit in the middle is reported, and what came before it is still there', () => {
    const { entries } = history();
    const disk = new SimDisk();
    const copy = MetadataCopy.open(disk, PATH);
    for (const entry of entries) copy.applyDurably(update([entry]), 3);
    copy.close();
    const bytes = disk.readFile(PATH)!;
    const file = disk.open(PATH);
    file.write([Buffer.from([bytes[bytes.length >> 1]! ^ 1])], bytes.length >> 1);
    const again = MetadataCopy.open(disk, PATH);
    expect(again.damage).toMatch(/line \d+/);
    expect(again.image.revision).toBeLessThan(entries.length - 1);
    expect(again.highestCoordinatorEpoch).toBe(3);
    expect(again.applyDurably(snapshotOf(history().image), 3).kind).toBe('applied');
  });

  it('R16: after a failed sync it takes no more writes', () => {
    const { entries } = history();
    const disk = new SimDisk();
    const copy = MetadataCopy.open(disk, PATH);
    disk.injectFault({ kinds: ['sync'], code: 'EIO' });
    expect(() => copy.applyDurably(update([entries[0]!]), 1)).toThrow(/takes no more writes/);
    expect(() => copy.applyDurably(update([entries[0]!]), 1)).toThrow(/takes no more writes/);
    expect(copy.image.revision).toBe(-1);
  });

  it('stays small however many entries come', () => {
    const cluster = threeBrokers();
    const disk = new SimDisk();
    const copy = MetadataCopy.open(disk, PATH);
    copy.applyDurably(snapshotOf(cluster.image), 1);
    for (let index = 0; index < 2_000; index++) {
      cluster.commit([{ ...cluster.partition(), possibleLoss: index % 2 === 0 }]);
      copy.applyDurably(update([cluster.entries.at(-1)!]), 1);
    }
    expect(disk.readFile(PATH)!.length).toBeLessThan(300_000);
    expect(MetadataCopy.open(disk, PATH).image.revision).toBe(cluster.image.revision);
  });
});
