/**
 * Tells whoever reads Redis who leads: a hash with a row per partition, and each change of it on the channel of the same name.
 * A copy for people and tools, never a source: brokers and clients do not read it, and nothing waits for it. It is written as
 * well as it goes, and rewritten as a whole when a reign begins and whenever Redis was away. Nothing is queued for an absent
 * Redis: what changed is remembered up to a limit, and beyond it only that something did.
 */
import type { Redis } from 'ioredis';
import type { BrokerId, CoordinatorEpoch, LeaderEpoch, PartitionEpoch, TopicId } from '#kernel';
import type { Logger } from '#seams';
import { LEADERS_SCRIPT } from './leaders-script.js';
import { metadataKeys } from './metadata-keys.js';
import { COMMAND_TIMEOUT_MS, type RedisAddress, redisClient, runScript } from './redis-client.js';

/** Changed rows that are remembered while they cannot be written; with more, all are written anew. */
export const CHANGED_ROWS_MAX = 1_000;
/** In one step of Redis, which serves nobody else meanwhile. */
const ROWS_PER_STEP = 500;

/** Who leads one partition, as of `revision` of the metadata. */
export interface LeaderRow {
  readonly topic: string;
  readonly topicId: TopicId;
  readonly partition: number;
  /** -1: nobody can lead. */
  readonly leader: BrokerId;
  readonly leaderEpoch: LeaderEpoch;
  readonly partitionEpoch: PartitionEpoch;
  readonly isr: readonly BrokerId[];
  readonly revision: number;
}

export interface LeadersPublisherOptions extends RedisAddress {
  /** Of the metadata store, whose coordinator epoch fences what is published. */
  readonly name: string;
  readonly logger: Logger;
  readonly commandTimeoutMs?: number;
}

interface Reign {
  readonly coordinatorEpoch: CoordinatorEpoch;
  readonly clusterId: string;
  readonly all: () => readonly LeaderRow[];
}

export class LeadersPublisher {
  private reign: Reign | null = null;
  private mustWriteAll = false;
  private changed = new Map<string, LeaderRow>();
  private sequence = 0;
  private running: Promise<void> | null = null;
  private isClosed = false;
  private lastTrouble: string | null = null;

  private constructor(
    private readonly client: Redis,
    private readonly address: string,
    private readonly stateKey: string,
    private readonly logger: Logger,
  ) {
    client.on('error', (error: Error) => this.note(error.message));
    client.on('ready', () => {
      // It may have come back with less than it was told.
      this.mustWriteAll = true;
      this.run();
    });
    client.connect().catch(() => {});
  }

  /** Dials Redis, again and again if need be, and waits for nothing. Throws a YakError `INVALID_CONFIG`. */
  static async open({ name, logger, commandTimeoutMs = COMMAND_TIMEOUT_MS, ...address }: LeadersPublisherOptions) {
    const [stateKey] = metadataKeys(name);
    const { client, name: where } = redisClient(address, 'yak-leaders', commandTimeoutMs);
    return new LeadersPublisher(client, where, stateKey, logger);
  }

  /**
   * Never throws and never waits. `all`: every row there is, asked for when all are written. `changed`: rows that are not as they
   * were; null when there is more to it, a deleted topic, say, or the first word of a reign.
   */
  publish(
    coordinatorEpoch: CoordinatorEpoch,
    clusterId: string,
    all: () => readonly LeaderRow[],
    changed: readonly LeaderRow[] | null,
  ): void {
    if (this.isClosed) return;
    const isSame = this.reign?.coordinatorEpoch === coordinatorEpoch && this.reign.clusterId === clusterId;
    this.reign = { coordinatorEpoch, clusterId, all };
    if (!isSame || changed === null) this.mustWriteAll = true;
    else for (const row of changed) this.changed.set(fieldOf(row), row);
    if (this.changed.size > CHANGED_ROWS_MAX) this.mustWriteAll = true;
    if (this.mustWriteAll) this.changed.clear();
    this.run();
  }

  /** Resolves when nothing is being written, which is no promise that Redis has it. */
  async settled(): Promise<void> {
    while (this.running !== null) await this.running;
  }

  close(): void {
    this.isClosed = true;
    this.client.disconnect();
  }

  private run(): void {
    if (this.running !== null || this.client.status !== 'ready') return;
    this.running = this.writeAllThatWaits().finally(() => {
      this.running = null;
    });
  }

  private async writeAllThatWaits(): Promise<void> {
    while (!this.isClosed && this.reign !== null && (this.mustWriteAll || this.changed.size > 0)) {
      const { reign } = this;
      const rows = this.mustWriteAll ? [...reign.all()] : [...this.changed.values()];
      const isAll = this.mustWriteAll;
      this.mustWriteAll = false;
      this.changed.clear();
      try {
        if (!(await this.write(reign, rows, isAll))) {
          // Somebody else publishes now. Unless a new reign of this very process began meanwhile.
          if (this.reign === reign) this.reign = null;
          continue;
        }
        this.lastTrouble = null;
      } catch (error) {
        this.mustWriteAll = true;
        this.changed.clear();
        this.note((error as Error).message);
        // Without an answer nobody would come back to it; a new connection does. An answer that says no is asked for again with the next change.
        if ((error as Error).name !== 'ReplyError' && this.client.status === 'ready') this.client.disconnect(true);
        return;
      }
    }
  }

  /** False when the coordinator epoch is not the stored one (any more). */
  private async write(reign: Reign, rows: readonly LeaderRow[], isAll: boolean): Promise<boolean> {
    for (let from = 0; from < rows.length; from += ROWS_PER_STEP) {
      const pairs = rows.slice(from, from + ROWS_PER_STEP).flatMap((row) => [fieldOf(row), textOf(row, reign.coordinatorEpoch)]);
      if (!(await this.step(reign, 'write', pairs))) return false;
    }
    return !isAll || this.step(reign, 'keep', rows.map(fieldOf));
  }

  private async step({ coordinatorEpoch, clusterId }: Reign, verb: 'write' | 'keep', rest: readonly string[]): Promise<boolean> {
    const hash = `yak:${clusterId}:leaders`;
    const keys = [this.stateKey, hash, `${hash}:position`];
    const [word] = (await runScript(this.client, LEADERS_SCRIPT, keys, [coordinatorEpoch, ++this.sequence, verb, ...rest])) as string[];
    return word !== 'epoch';
  }

  private note(trouble: string): void {
    if (trouble === this.lastTrouble || this.isClosed) return;
    this.lastTrouble = trouble;
    this.logger.warn('leaders are not published; they will be when redis takes them', { address: this.address, reason: trouble });
  }
}

function fieldOf({ topic, partition }: LeaderRow): string {
  return `${topic}-${partition}`;
}

/** What changes without a change of the row comes last: the script compares what stands before it. */
function textOf(row: LeaderRow, coordinatorEpoch: CoordinatorEpoch): string {
  const { topic, topicId, partition, leader, leaderEpoch, partitionEpoch, isr, revision } = row;
  return JSON.stringify({ topic, topicId, partition, leader, leaderEpoch, partitionEpoch, isr, coordinatorEpoch, revision });
}
