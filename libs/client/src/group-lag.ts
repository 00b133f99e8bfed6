/**
 * How far a group is behind, in records and in time: its commits beside the offsets of the leaders, and the timestamp of the
 * first record that it has not read, which takes one small fetch per partition with something unread.
 */
import type { CommittedPartition, TopicPartition } from '#groups';
import { type KafkaErrorName, NO_BROKER, type Offset, YakError } from '#kernel';
import { decodeRecords, recordBatch, splitBatches } from '#record';
import type { ClientCore } from './client-core.js';
import type { PartitionProgress } from './group-admin-contract.js';
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, lookUpOffsets } from './offset-lookup.js';
import { ATTEMPT_TIMEOUT_MS } from './options.js';

/** A leader that does not say its offsets by then leaves them unknown: nobody should wait for it to be told the rest. */
const PATIENCE_MS = 3_000;
/** Fetches for timestamps that are under way at once: each may bring a whole batch. */
const CONCURRENT_FETCHES_MAX = 8;
/** One batch comes whole, however small this is. */
const FETCH_BYTES = 1;

export async function partitionProgress(
  core: ClientCore,
  committed: readonly CommittedPartition[],
  others: readonly TopicPartition[],
  isAbandoned: () => boolean,
): Promise<PartitionProgress[]> {
  const commits = new Map(committed.filter(({ offset }) => offset >= 0).map((one) => [keyOf(one), one]));
  const wanted = new Map(
    [...commits.values(), ...others].map(({ topic, partition }) => [keyOf({ topic, partition }), { topic, partition }]),
  );
  const partitions = [...wanted.values()].sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
  const ends = await offsetsOf(core, partitions, isAbandoned);
  const progress: PartitionProgress[] = [];
  for (let from = 0; from < partitions.length; from += CONCURRENT_FETCHES_MAX) {
    const some = partitions.slice(from, from + CONCURRENT_FETCHES_MAX);
    progress.push(...(await Promise.all(some.map((one) => progressOf(core, one, commits.get(keyOf(one)), ends.get(keyOf(one))!)))));
  }
  return progress;
}

interface Ends {
  readonly error: KafkaErrorName;
  readonly startOffset: Offset;
  readonly endOffset: Offset;
}

async function progressOf(
  core: ClientCore,
  { topic, partition }: TopicPartition,
  commit: CommittedPartition | undefined,
  { error, startOffset, endOffset }: Ends,
): Promise<PartitionProgress> {
  const { offset = -1, committedAtMs = 0, metadata = '' } = commit ?? {};
  const base = { topic, partition, error, committedOffset: offset, committedAtMs, metadata, startOffset, endOffset };
  if (offset < 0 || endOffset < 0) return { ...base, lagRecords: null, lagMs: null };
  const next = Math.max(offset, startOffset);
  if (next >= endOffset) return { ...base, lagRecords: 0, lagMs: 0 };
  const timestamp = await timestampAt(core, topic, partition, next).catch((failure) => {
    if (failure instanceof YakError && failure.code !== 'CLIENT_CLOSED') return null;
    throw failure;
  });
  return { ...base, lagRecords: endOffset - next, lagMs: timestamp === null ? null : Math.max(0, core.seams.clock.wallMs() - timestamp) };
}

/** Unknown topics are an answer here, and so are partitions without a leader once the patience is over. */
async function offsetsOf(
  core: ClientCore,
  partitions: readonly TopicPartition[],
  isAbandoned: () => boolean,
): Promise<ReadonlyMap<string, Ends>> {
  const { clock } = core.seams;
  const ends = new Map<string, Ends>();
  const names = [...new Set(partitions.map(({ topic }) => topic))];
  if (names.length === 0) return ends;
  const metadata = await core.anyNode.ask('metadata', { topics: names }, { attemptTimeoutMs: ATTEMPT_TIMEOUT_MS });
  core.metadata.apply(metadata);
  const counts = new Map(metadata.topics.map((topic) => [topic.name, topic]));
  const asked: TopicPartition[] = [];
  for (const one of partitions) {
    const topic = counts.get(one.topic);
    const error = topic === undefined || topic.error === 'UNKNOWN_TOPIC_ID' ? 'UNKNOWN_TOPIC_OR_PARTITION' : topic.error;
    const exists = error === 'NONE' && topic!.partitions.some(({ partition }) => partition === one.partition);
    if (exists) asked.push(one);
    else ends.set(keyOf(one), { error: error === 'NONE' ? 'UNKNOWN_TOPIC_OR_PARTITION' : error, startOffset: -1, endOffset: -1 });
  }
  const deadline = clock.monotonicMs() + Math.min(PATIENCE_MS, core.options.requestTimeoutMs);
  const questions = [EARLIEST_TIMESTAMP, LATEST_TIMESTAMP].flatMap((timestamp) => asked.map((one) => ({ ...one, timestamp })));
  const answers = await lookUpOffsets(core, questions, () => clock.monotonicMs() < deadline, isAbandoned);
  asked.forEach((one, index) => {
    const start = answers[index]!;
    const end = answers[asked.length + index]!;
    const error = end.error === 'NONE' ? start.error : end.error;
    const known = (answer: typeof start) => (answer.error === 'NONE' ? answer.offset : -1);
    ends.set(keyOf(one), { error, startOffset: known(start), endOffset: known(end) });
  });
  return ends;
}

/** Of the first record at or after `offset` (compaction may have taken the one there); null when none can be had now. */
async function timestampAt(core: ClientCore, topic: string, partition: number, offset: Offset): Promise<number | null> {
  const { leader } = core.metadata.leaderOf(topic, partition);
  const address = leader === NO_BROKER ? null : core.metadata.addressOf(leader);
  if (address === null) return null;
  const client = await core.pool.get(address, 'fetch');
  const response = await client.request(
    'fetch',
    {
      clientId: core.options.clientId,
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: FETCH_BYTES,
      partitions: [{ topic, partition, fetchOffset: offset, maxBytes: FETCH_BYTES }],
    },
    { timeoutMs: ATTEMPT_TIMEOUT_MS },
  );
  const fetched = response.partitions[0];
  if (fetched === undefined || fetched.error !== 'NONE') return null;
  for (const batch of splitBatches(fetched.records)) {
    if (recordBatch.isControl(batch) || recordBatch.lastOffset(batch) < offset) continue;
    try {
      const record = decodeRecords(batch).find((one) => one.offset >= offset);
      if (record !== undefined) return record.timestamp;
    } catch (error) {
      // A batch that cannot be opened (damaged, too large) still says when its newest record is from.
      if (error instanceof YakError) return recordBatch.maxTimestamp(batch);
      throw error;
    }
  }
  return null;
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}
