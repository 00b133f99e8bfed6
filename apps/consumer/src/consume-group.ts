/**
 * `yak consume --group`: prints what the group gives this member and commits what the reader of the output has, never what only
 * lies in a buffer: after any end of this process the group goes on with the first record that nobody may have seen.
 */
import type { Client, ConsumedRecord, GroupConsumer, GroupConsumerConfig, GroupEvent, OffsetToCommit } from '#client';
import { UsageError } from '#config';
import type { Rebalance, TopicPartition } from '#groups';
import { KafkaError, partitionKey } from '#kernel';
import { printableLine } from '../../shared/command/printable.js';
import type { ConsumeOptions } from './consume-command.js';
import type { Formatter } from './format.js';
import type { Output } from './output.js';
import { parseStartPosition } from './start-position.js';

/** At the end, for a reader that is slow with the last bytes. */
const LAST_WRITES_MS = 1000;
const COMMIT_INTERVAL_MS = 5000;
const PARTITIONS_SHOWN_MAX = 12;

export interface GroupMember {
  readonly config: GroupConsumerConfig;
  readonly commitIntervalMs: number;
}

/** Null without --group. Throws UsageError for options that do not go together. */
export function groupMember(topics: readonly string[], options: ConsumeOptions): GroupMember | null {
  if (options.group === undefined) {
    for (const name of ['instanceId', 'from', 'sessionTimeoutMs', 'autoCommitIntervalMs'] as const) {
      if (options[name] !== undefined) throw new UsageError(`${flagOf(name)} needs --group`);
    }
    return null;
  }
  if (options.group === '') throw new UsageError('--group: the name is empty');
  if (options.instanceId === '') throw new UsageError('--instance-id: the id is empty');
  if (options.partition !== undefined)
    throw new UsageError('--partition and --group exclude each other: the group shares out the partitions');
  if (options.offset !== undefined) {
    throw new UsageError(
      '--offset and --group exclude each other: the group goes on where it has committed; --from is for what it has not',
    );
  }
  if (options.fromBeginning && options.from !== undefined && options.from !== 'earliest') {
    throw new UsageError('--from-beginning and --from exclude each other');
  }
  const config: GroupConsumerConfig = {
    groupId: options.group,
    topics,
    from: options.from === undefined ? 'earliest' : parseStartPosition(options.from, '--from'),
    exitAtEnd: options.exitAtEnd ?? false,
    autoCommitIntervalMs: null,
    ...(options.instanceId === undefined ? {} : { groupInstanceId: options.instanceId }),
    ...(options.sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs: options.sessionTimeoutMs }),
  };
  return { config, commitIntervalMs: options.autoCommitIntervalMs ?? COMMIT_INTERVAL_MS };
}

export interface MemberOutput {
  readonly format: Formatter;
  readonly output: Output;
  /** Records, at most. */
  readonly left: number;
  /** Resolves when it has to end. */
  readonly stopped: Promise<void>;
  /** One line for a person. */
  readonly warn: (line: string) => void;
}

export async function consumeAsMember(client: Client, member: GroupMember, to: MemberOutput): Promise<void> {
  await tellMissingTopics(client, member.config, to.warn);
  const consumer = client.groupConsumer(member.config);
  const printer = new MemberPrinter(consumer, member, to);
  try {
    await printer.print();
  } finally {
    await printer.finish();
  }
}

class MemberPrinter {
  /** What the reader has and the group has not committed, of this assignment; writes of an older one end in an older map. */
  private written = new Map<string, OffsetToCommit>();
  private isCoordinatorLost = false;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly consumer: GroupConsumer,
    private readonly member: GroupMember,
    private readonly to: MemberOutput,
  ) {
    consumer.onEvent((event) => this.happened(event));
    this.timer = setInterval(() => void this.commit(), member.commitIntervalMs);
  }

  /** Resolves at the end of the records, of `left`, of the reader, or when stopped. */
  async print(): Promise<void> {
    const { output, format } = this.to;
    const batches = this.consumer[Symbol.asyncIterator]();
    const stopped = this.to.stopped.then(() => null);
    let left = this.to.left;
    while (left > 0 && !output.isGone) {
      const next = await Promise.race([batches.next(), stopped]);
      if (next === null || next.done) return;
      const records = next.value.length <= left ? next.value : next.value.slice(0, left);
      left -= records.length;
      const { written } = this;
      const write = output.write(format(records), () => remember(written, records));
      if ((await Promise.race([write.then(() => true), stopped])) === null) return;
    }
  }

  async finish(): Promise<void> {
    clearInterval(this.timer);
    await Promise.race([this.to.output.drained(), new Promise((resolve) => setTimeout(resolve, LAST_WRITES_MS).unref())]);
    await this.commit();
    await this.consumer.close();
  }

  private async commit(): Promise<void> {
    const { written } = this;
    const offsets = [...written.values()];
    if (offsets.length === 0) return;
    written.clear();
    try {
      await this.consumer.commitOffsets(offsets);
    } catch (error) {
      this.warn((error as Error).message);
      // Again with the next ones, unless these are newer or another assignment has begun.
      for (const offset of offsets) {
        const key = partitionKey(offset.topic, offset.partition);
        if (!written.has(key)) written.set(key, offset);
      }
    }
  }

  private async happened(event: GroupEvent): Promise<void> {
    if (event.type === 'assigned') {
      this.written = new Map();
      const role = event.isLeader ? ', as its leader' : '';
      this.warn(`generation ${event.generationId}${role}: ${describe(event.partitions)}`);
      void this.consumer.lastRebalance().then(
        (rebalance) => rebalance !== null && this.warn(`generation ${rebalance.generationId} came because ${causesOf(rebalance)}`),
        () => {},
      );
    } else if (event.type === 'revoking') {
      this.warn(`${event.reason}; giving back ${describe(event.partitions)}`);
      await this.to.output.drained();
      await this.commit();
    } else if (event.type === 'lost') {
      this.written = new Map();
      this.warn(`lost ${describe(event.partitions)}: ${event.reason}; what was not committed will be given out again`);
    } else this.warnOf(event);
  }

  private warnOf(event: Exclude<GroupEvent, { type: 'assigned' | 'revoking' | 'lost' }>): void {
    if (event.type === 'out-of-range') {
      const where = partitionKey(event.topic, event.partition);
      if (event.cause === 'retention') {
        const range = `${event.position} to ${event.now - 1}`;
        this.warn(`${where}: offsets ${range} were not read: retention has removed them; going on with ${event.now}`);
      } else {
        this.warn(
          `${where}: the log ends at ${event.now}, before offset ${event.position} where the group was; going on with ${event.now}`,
        );
      }
    } else if (event.type === 'commit-failed') this.warn(event.error.message);
    else if (event.brokerId === null) {
      this.isCoordinatorLost = true;
      this.warn(`its coordinator is gone (${event.reason}); looking for the next one`);
    } else if (this.isCoordinatorLost) {
      this.isCoordinatorLost = false;
      this.warn(`its coordinator is ${event.reason} now`);
    }
  }

  private warn(text: string): void {
    this.to.warn(printableLine(`group ${this.member.config.groupId}: ${text}`));
  }
}

function remember(written: Map<string, OffsetToCommit>, records: readonly ConsumedRecord[]): void {
  const { topic, partition, offset } = records.at(-1)!;
  written.set(partitionKey(topic, partition), { topic, partition, offset: offset + 1 });
}

async function tellMissingTopics(client: Client, config: GroupConsumerConfig, warn: (line: string) => void): Promise<void> {
  for (const { name, error } of await client.admin.describeTopics(config.topics)) {
    if (error !== 'UNKNOWN_TOPIC_OR_PARTITION') continue;
    if (config.exitAtEnd) throw new KafkaError(error, `topic ${name} does not exist; yak topic list shows those that do`);
    warn(`topic ${name} does not exist yet; waiting for it`);
  }
}

function describe(partitions: readonly TopicPartition[]): string {
  if (partitions.length === 0) return 'no partitions (there are at least as many members as partitions)';
  const names = partitions.map(({ topic, partition }) => partitionKey(topic, partition)).sort();
  const shown = names.slice(0, PARTITIONS_SHOWN_MAX).join(', ');
  return names.length <= PARTITIONS_SHOWN_MAX ? shown : `${shown} and ${names.length - PARTITIONS_SHOWN_MAX} more`;
}

function causesOf({ causes, causesOmitted }: Rebalance): string {
  const sentences = causes.map(({ kind, memberId, groupInstanceId, clientHost, reason }) => {
    const who = `${groupInstanceId ?? memberId} at ${clientHost.replace(/^\//, '')}`;
    return `${who} ${CAUSES[kind]}${reason === null ? '' : ` ("${reason}")`}`;
  });
  if (causesOmitted > 0) sentences.push(`${causesOmitted} more`);
  return sentences.length === 0 ? 'of nothing that its coordinator noted' : sentences.join('; ');
}

const CAUSES: Record<Rebalance['causes'][number]['kind'], string> = {
  joined: 'joined',
  rejoined: 'joined again',
  'subscription-changed': 'changed its topics or assignors',
  'leader-rejoined': 'asked for a new assignment',
  left: 'left',
  removed: 'was removed',
  'session-timeout': 'was silent for longer than its session',
  'rebalance-timeout': 'did not join again in time',
  'sync-timeout': 'joined and was silent',
  'static-member-replaced': 'was replaced by another process of its instance id',
};

function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
