/**
 * The store that the coordinators share, as a process of the simulated world: the model of the Redis script behind a socket,
 * one step after the other, each durable before it is answered. Its faults: slow, frozen, away, restarted with everything,
 * rolled back to an earlier state, empty. What it keeps lies outside its process, so a new incarnation finds it.
 *
 * It remembers every deed since it was last empty: an earlier state is made by doing the earlier ones again.
 */
import type { CoordinatorEpoch } from '#kernel';
import { decodeChecked, type MetadataEntry, StoreModel, type StoreModelCopy } from '#metadata';
import type { Connection } from '#seams';
import type { SimProcess, SimRandom, SimWorld } from '#seams-sim';
import { onLines, type StoreQuestion, writeLine } from './wire.js';

export const STORE_HOST = 'store';
export const STORE_ADDRESS = { host: STORE_HOST, port: 6379 };
/** Of one step with its fsync. */
const STEP_MS = { min: 0.1, max: 1.5 };

/** What the next incarnation finds. */
export type Survival =
  | { readonly kind: 'everything' }
  /** As it was that long ago. */
  | { readonly kind: 'older'; readonly lostMs: number }
  | { readonly kind: 'nothing' };

export interface StoreEvent {
  /** Who asked. */
  readonly host: string;
  readonly verb: string;
  readonly isOk: boolean;
  /** Nobody has the turn. */
  readonly wasReleased: boolean;
  /** Of the store, before and after the step; -1 for an empty one. */
  readonly epochBefore: CoordinatorEpoch;
  readonly epochAfter: CoordinatorEpoch;
  /** What the step appended. */
  readonly entry: { readonly revision: number; readonly coordinatorEpoch: CoordinatorEpoch } | null;
}

export interface StoreListener {
  executed(event: StoreEvent): void;
  /** Called when the process died; the next one will find this. */
  restarted(survival: Survival): void;
}

type Step = readonly (string | number)[];
/** `step` null: a restart. */
type Deed = { readonly atMs: number; readonly step: Step | null };

export class SimStore {
  /** Added to each step, on average half of it. */
  slowMs = 0;
  private readonly model = new StoreModel();
  private deeds: Deed[] = [];
  private process: SimProcess | null = null;
  private freeAtMs = 0;
  private readonly random: SimRandom;

  constructor(
    private readonly world: SimWorld,
    private readonly isDurable: boolean,
    private readonly listener: StoreListener,
  ) {
    this.random = world.random.fork('store');
  }

  get isAlive(): boolean {
    return this.process?.isAlive ?? false;
  }

  /** Does nothing while it lives. */
  start(): void {
    if (this.process?.isAlive) return;
    const process = this.world.start(STORE_HOST);
    this.process = process;
    this.freeAtMs = 0;
    process.run('start', () => void process.network.listen(STORE_ADDRESS, (connection) => this.serve(process, connection)));
  }

  /** False when it is dead already. `isSilent`: nobody is told, dials time out instead of being refused. */
  kill(survival: Survival, isSilent: boolean): boolean {
    if (!this.process?.isAlive) return false;
    this.process.kill({ isSilent });
    const { kind } = survival;
    this.world.note('world', 'fault', `the store will find ${kind === 'older' ? `what it held ${survival.lostMs} ms ago` : kind}`);
    if (kind === 'nothing') {
      this.deeds = [];
      this.model.empty();
    } else if (kind === 'older') {
      this.rollBack(this.world.nowMs - survival.lostMs);
    }
    this.deeds.push({ atMs: this.world.nowMs, step: null });
    this.model.restart();
    this.listener.restarted(survival);
    return true;
  }

  /** Whether a restart with everything may be accepted by that coordinator: nothing stands between the two. */
  mayBeTrustedBy(host: string): boolean {
    const { network } = this.world;
    return this.isDurable && this.slowMs === 0 && !network.isBlocked(host, STORE_HOST) && !network.isBlocked(STORE_HOST, host);
  }

  private serve(process: SimProcess, connection: Connection): void {
    const host = connection.remoteAddress.split(':')[0]!;
    onLines<StoreQuestion>(connection, (question) => {
      // What was read is executed, whatever becomes of the connection.
      const startMs = Math.max(this.world.nowMs, this.freeAtMs);
      this.freeAtMs = startMs + STEP_MS.min + this.random.next() * (STEP_MS.max - STEP_MS.min) + this.random.next() * this.slowMs;
      process.run('step', () => this.answer(host, connection, question), this.freeAtMs - this.world.nowMs);
    });
  }

  private answer(host: string, connection: Connection, question: StoreQuestion): void {
    if ('check' in question) {
      writeLine(connection, { isDurable: this.isDurable });
      return;
    }
    const before = this.model.copy();
    const reply = this.model.run(question.step);
    this.deeds.push({ atMs: this.world.nowMs, step: question.step });
    const after = this.model.copy();
    this.listener.executed({
      host,
      verb: String(question.step[0]),
      isOk: reply[0] === 'ok',
      wasReleased: before.state.actor === undefined,
      epochBefore: epochOf(before),
      epochAfter: epochOf(after),
      entry: question.step[0] === 'append' && after.state.opId !== before.state.opId ? entryOf(after) : null,
    });
    writeLine(connection, { reply });
  }

  private rollBack(untilMs: number): void {
    this.deeds = this.deeds.filter(({ atMs }) => atMs <= untilMs);
    const earlier = new StoreModel();
    for (const { step } of this.deeds) {
      if (step === null) earlier.restart();
      else earlier.run(step);
    }
    this.model.rollBack(earlier.copy());
  }
}

function epochOf({ state }: StoreModelCopy): CoordinatorEpoch {
  return Number(state.coordinatorEpoch ?? -1);
}

function entryOf({ entries }: StoreModelCopy): MetadataEntry {
  return decodeChecked(Buffer.from(entries.at(-1)!)) as unknown as MetadataEntry;
}
