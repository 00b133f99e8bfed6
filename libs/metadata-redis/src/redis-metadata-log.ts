/**
 * The MetadataLog of cluster coordinators that share a Redis: one primary, no failover. Safety is the compare-and-set of one
 * Lua script on (run id, coordinator epoch, op id of the last entry), never a lock (R17, R18).
 *
 * The store is suspect (R19) when Redis runs under another run id than the one in which this history began (a restart may
 * have lost what was answered), when it is emptier or older than this process saw it, or when the chain is broken. A Redis
 * that is empty for a process that never saw it full looks like a new one: what the brokers hold tells.
 */
import type { CoordinatorEpoch } from '#kernel';
import { NO_EPOCH, YakError } from '#kernel';
import type { AppendResult, Expected, MetadataEntry, MetadataLog, MetadataRecord, MetadataSnapshot } from '#metadata';
import { encodeChecked, GENESIS_OP_ID } from '#metadata';
import type { Logger, Random } from '#seams';
import { randomId } from '#seams';
import { COMMAND_TIMEOUT_MS, RedisConnection } from './redis-connection.js';
import { readStoredChain, suspicionOf, unsupportedFormat, type Witness } from './stored-chain.js';

export interface RedisMetadataLogOptions {
  /** redis://[user:password@]host[:port][/database], or rediss:// for TLS. */
  readonly url: string;
  /** Clusters that share a Redis have different names; letters, digits, dot, dash and underscore. */
  readonly name: string;
  readonly random: Random;
  readonly logger: Logger;
  readonly commandTimeoutMs?: number;
}

type Step = 'append' | 'snapshot';

export class RedisMetadataLog implements MetadataLog {
  private readonly keys: readonly string[];
  private isClosed = false;
  /** Of the Redis that was loaded from; null before. */
  private runId: string | null = null;
  private suspicion: string | null = null;
  private witness: Witness | null = null;
  private storeId = '';
  /** What markSuspect was told and Redis may not have heard. */
  private unstoredMark: { readonly reason: string; readonly coordinatorEpoch: CoordinatorEpoch } | null = null;
  /** Highest that this process saw anywhere: none below is ever handed out again. */
  private highestEpoch: CoordinatorEpoch = NO_EPOCH;

  private constructor(
    private readonly connection: RedisConnection,
    private readonly random: Random,
    name: string,
  ) {
    this.keys = ['state', 'snapshot', 'entries'].map((part) => `yak:${name}:metadata:${part}`);
  }

  /** Dials Redis; one that is away is no error here, only in what is asked of it. Throws a YakError `INVALID_CONFIG`. */
  static async open(options: RedisMetadataLogOptions): Promise<RedisMetadataLog> {
    if (!/^[\w.-]{1,100}$/.test(options.name)) {
      throw new YakError('INVALID_CONFIG', `"${options.name}" cannot name a metadata store: 1 to 100 letters, digits, ".", "-" and "_"`);
    }
    const connection = new RedisConnection(options.url, options.logger, options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS);
    await connection.connect();
    return new RedisMetadataLog(connection, options.random, options.name);
  }

  /** Throws a YakError: `METADATA_STORE_UNSAFE` (see the message), `UNSUPPORTED_METADATA`, `METADATA_STORE_UNAVAILABLE`. */
  async load(): Promise<{ snapshot: MetadataSnapshot | null; entries: MetadataEntry[]; suspicion: string | null }> {
    this.requireOpen();
    await this.connection.checkServer();
    const [, runId, flat, snapshotLine, lines] = (await this.connection.run(this.keys, 'load')) as [
      string,
      string,
      string[],
      string,
      string[],
    ];
    const chain = readStoredChain(flat, snapshotLine, lines, this.connection.name);
    this.highestEpoch = Math.max(this.highestEpoch, chain.coordinatorEpoch);
    const suspicion = suspicionOf(chain, runId, this.witness) ?? this.unstoredReason(chain.coordinatorEpoch);
    if (suspicion !== null && suspicion !== chain.suspect) await this.mark(suspicion);
    this.runId = runId;
    this.suspicion = suspicion;
    if (suspicion === null && chain.exists) this.saw(chain);
    return { snapshot: chain.snapshot, entries: chain.entries, suspicion };
  }

  /** Throws a YakError `METADATA_STORE_CHANGED` when this is not the Redis any more that was loaded from: load again. */
  async takeOver(atLeast: CoordinatorEpoch): Promise<CoordinatorEpoch> {
    this.requireOpen();
    if (this.runId === null) await this.load();
    let answer = await this.raiseEpoch(atLeast);
    if (answer[0] === 'restarted' && this.suspicion !== null) {
      // Nothing of the store is relied on any more; a further restart does not matter.
      await this.load();
      answer = await this.raiseEpoch(atLeast);
    }
    if (answer[0] !== 'ok') throw this.refused(answer);
    const [, epochText, storeId] = answer as [string, string, string];
    const epoch = Number(epochText);
    this.highestEpoch = Math.max(this.highestEpoch, epoch);
    if (this.suspicion !== null) this.storeId = storeId;
    else if (this.witness === null) this.saw({ storeId, coordinatorEpoch: epoch, revision: -1, opId: GENESIS_OP_ID });
    else if (this.witness.storeId !== storeId) throw this.refused(['empty']);
    else this.witness = { ...this.witness, coordinatorEpoch: epoch };
    return epoch;
  }

  async markSuspect(reason: string): Promise<void> {
    this.requireOpen();
    if (this.runId === null) await this.load();
    if (this.suspicion !== null) return;
    // Holds for this process from now on, whatever becomes of the command.
    this.suspicion = reason.replace(/\s+/g, ' ');
    this.unstoredMark = { reason: this.suspicion, coordinatorEpoch: this.highestEpoch };
    await this.mark(this.suspicion);
  }

  async append(
    expected: Expected,
    coordinatorEpoch: CoordinatorEpoch,
    opId: string,
    records: readonly MetadataRecord[],
  ): Promise<AppendResult> {
    if (this.isClosed) return { kind: 'refused', reason: 'the store is closed' };
    if (this.suspicion !== null) return { kind: 'refused', reason: `the store is suspect: ${this.suspicion}` };
    const entry: MetadataEntry = { revision: expected.revision + 1, coordinatorEpoch, opId, previousOpId: expected.opId, records };
    let answer: unknown[];
    try {
      answer = await this.step('append', coordinatorEpoch, expected.opId, expected.revision, opId, lineOf(entry));
    } catch (error) {
      return { kind: 'unknown', reason: (error as Error).message };
    }
    if (answer[0] !== 'ok') return { kind: 'refused', reason: this.refused(answer).message };
    this.saw({ storeId: this.storeId, coordinatorEpoch, revision: entry.revision, opId });
    return { kind: 'appended', entry };
  }

  /**
   * Throws a YakError: `STALE_COORDINATOR_EPOCH`; `SNAPSHOT_REFUSED` for one that is neither of this chain nor beyond it;
   * `METADATA_STORE_UNAVAILABLE` when the outcome is unknown (writing the same one again is harmless).
   */
  async writeSnapshot(snapshot: MetadataSnapshot, coordinatorEpoch: CoordinatorEpoch): Promise<void> {
    this.requireOpen();
    // Only who knows of the suspicion may end it: a late trimming of before must not.
    const kind = this.suspicion === null ? 'chain' : 'new-history';
    const answer = await this.step('snapshot', coordinatorEpoch, kind, snapshot.revision, snapshot.opId, lineOf(snapshot));
    if (answer[0] !== 'ok') throw this.refused(answer);
    if (kind === 'new-history') {
      this.suspicion = null;
      this.unstoredMark = null;
    }
    if (kind === 'new-history' || snapshot.revision > (this.witness?.revision ?? -1))
      this.saw({ storeId: this.storeId, coordinatorEpoch, revision: snapshot.revision, opId: snapshot.opId });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.connection.close();
  }

  private step(verb: Step, coordinatorEpoch: CoordinatorEpoch, ...rest: (string | number)[]): Promise<unknown[]> {
    return this.connection.run(this.keys, verb, coordinatorEpoch, this.runId ?? '', ...rest);
  }

  private raiseEpoch(atLeast: CoordinatorEpoch): Promise<unknown[]> {
    return this.connection.run(this.keys, 'take-over', Math.max(atLeast, this.highestEpoch), this.runId!, randomId(this.random));
  }

  private async mark(reason: string): Promise<void> {
    const answer = await this.connection.run(this.keys, 'mark', this.highestEpoch, reason, randomId(this.random));
    this.unstoredMark = null;
    if (answer[0] !== 'ok') throw this.refused(answer);
  }

  /** Whoever took over since then decides alone. */
  private unstoredReason(coordinatorEpoch: CoordinatorEpoch): string | null {
    const mark = this.unstoredMark;
    return mark !== null && coordinatorEpoch <= mark.coordinatorEpoch ? mark.reason : null;
  }

  private saw({ storeId, coordinatorEpoch, revision, opId }: Witness): void {
    this.storeId = storeId;
    this.witness = { storeId, coordinatorEpoch, revision, opId };
  }

  private refused(answer: readonly unknown[]): YakError {
    const { name } = this.connection;
    switch (answer[0]) {
      case 'epoch':
        return new YakError('STALE_COORDINATOR_EPOCH', `the coordinator epoch was replaced by ${answer[1]} in ${name}`);
      case 'restarted':
        return new YakError('METADATA_STORE_CHANGED', `${name} was restarted or replaced since it was loaded`);
      case 'suspect':
        return new YakError('METADATA_STORE_SUSPECT', `the store is suspect: ${answer[1]}`);
      case 'empty':
        return new YakError('METADATA_STORE_CHANGED', `${name} holds no metadata any more`);
      case 'format':
        return unsupportedFormat(String(answer[1]), name);
      default:
        return new YakError('SNAPSHOT_REFUSED', `the chain is at revision ${answer[1]} with op id "${answer[2] ?? GENESIS_OP_ID}"`);
    }
  }

  private requireOpen(): void {
    if (this.isClosed) throw new YakError('STORE_CLOSED', `the metadata store ${this.connection.name} is closed`);
  }
}

function lineOf(value: MetadataEntry | MetadataSnapshot): string {
  return encodeChecked(value).toString().slice(0, -1);
}
