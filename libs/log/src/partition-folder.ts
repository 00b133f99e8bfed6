/**
 * The small files of a partition's folder beside its segments, and the folder's birth: made under another name and renamed, so
 * that a folder with a partition's name always says which topic it belongs to (R14).
 */
import { CorruptionError, type LeaderEpoch, NO_EPOCH, type TopicId, topicNameProblem } from '#kernel';
import { type Disk, replaceFile } from '#seams';
import { LEADER_EPOCH_CHECKPOINT } from './leader-epoch-cache.js';
import { encodeCheckpoint } from './text-checkpoint.js';

export const PARTITION_METADATA = 'partition.metadata';
export const CAUGHT_UP_EPOCH_FILE = 'caught-up-epoch';
/** Present while truncateFullyAndStartAt runs: recovery completes it. */
export const START_OVER_FILE = 'start-over-at';
/** Present once damage was found at run time; says why. */
export const QUARANTINE_FILE = 'quarantined';
export const DELETED_SUFFIX = '.deleted';
export const NEW_SUFFIX = '.new';

/** Null when the name is not one of a partition's folder. */
export function parsePartitionFolder(name: string): { topic: string; partition: number } | null {
  const match = /^(.+)-(0|[1-9]\d{0,9})$/.exec(name);
  if (match === null || topicNameProblem(match[1]!) !== null) return null;
  return { topic: match[1]!, partition: Number(match[2]) };
}

/** A folder `<root>/<topic>-<partition>` with nothing but its identity, durable. */
export function makePartitionFolder(disk: Disk, root: string, name: string, topicId: TopicId, uniqueId: string): void {
  const temporary = `${root}/${uniqueId}${NEW_SUFFIX}`;
  disk.makeDirectory(temporary);
  replaceFile(disk, temporary, PARTITION_METADATA, Buffer.from(`version: 0\ntopic_id: ${topicId}\n`));
  replaceFile(disk, temporary, LEADER_EPOCH_CHECKPOINT, encodeCheckpoint([]));
  disk.rename(temporary, `${root}/${name}`);
  disk.syncDirectory(root);
}

export function loadTopicId(disk: Disk, folder: string): TopicId {
  const content = disk.readFile(`${folder}/${PARTITION_METADATA}`);
  if (content === null) throw new CorruptionError(`${folder} has no ${PARTITION_METADATA}`);
  const match = /^version: (\d+)\ntopic_id: ([A-Za-z0-9_-]{22})\n$/.exec(content.toString('utf8'));
  if (match === null || match[1] !== '0') throw new CorruptionError(`${folder}/${PARTITION_METADATA} is damaged or of an unknown version`);
  return match[2]!;
}

export function storeCaughtUpEpoch(disk: Disk, folder: string, leaderEpoch: LeaderEpoch): void {
  replaceFile(disk, folder, CAUGHT_UP_EPOCH_FILE, Buffer.from(`0\n${leaderEpoch}\n`));
}

/** -1 when it was never stored or cannot be read: the safe answer, it only makes this replica less of a candidate. */
export function loadCaughtUpEpoch(disk: Disk, folder: string): LeaderEpoch {
  const match = /^0\n(\d{1,10})\n$/.exec(disk.readFile(`${folder}/${CAUGHT_UP_EPOCH_FILE}`)?.toString('utf8') ?? '');
  return match === null ? NO_EPOCH : Number(match[1]);
}
