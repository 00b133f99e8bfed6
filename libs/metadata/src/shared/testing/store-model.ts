/**
 * The store's steps on plain memory: the twin of the Lua script of libs/metadata-redis, verb by verb and answer by answer
 * (test/conformance/store-model.spec.ts compares the two). For simulations and tests; what befalls a store is said with
 * `restart`, `rollBack` and `empty`, what befalls a connection to it belongs to who makes a StoreLink of it.
 */
import { STORE_FORMAT_VERSION } from '../stored-chain.js';

/** What lies in a StoreModel at one moment. */
export interface StoreModelCopy {
  readonly state: Readonly<Record<string, string>>;
  readonly snapshot: string;
  readonly entries: readonly string[];
  readonly standbys: Readonly<Record<string, string>>;
}

const NOTHING: StoreModelCopy = { state: {}, snapshot: '', entries: [], standbys: {} };

export class StoreModel {
  private state = new Map<string, string>();
  private snapshot = '';
  private entries: string[] = [];
  private standbys = new Map<string, string>();
  private starts = 0;

  /** `name` makes the run ids of two models different. */
  constructor(private readonly name = 'model') {}

  get runId(): string {
    return `${this.name}run${this.starts}`;
  }

  /** The store's process is another one from now on; what lies in it stays. */
  restart(): void {
    this.starts++;
  }

  copy(): StoreModelCopy {
    return {
      state: Object.fromEntries(this.state),
      snapshot: this.snapshot,
      entries: [...this.entries],
      standbys: Object.fromEntries(this.standbys),
    };
  }

  /** What lies in it is what it was; its process stays, so restart it too, as a store does that gets an old volume. */
  rollBack(copy: StoreModelCopy): void {
    this.state = new Map(Object.entries(copy.state));
    this.snapshot = copy.snapshot;
    this.entries = [...copy.entries];
    this.standbys = new Map(Object.entries(copy.standbys));
  }

  /** All of it is gone; its process stays. */
  empty(): void {
    this.rollBack(NOTHING);
  }

  /** One atomic step. Throws for a verb that does not exist. */
  run(step: readonly (string | number)[]): unknown[] {
    const [verb, ...args] = step.map(String) as [string, ...string[]];
    if (verb === 'load') return ['ok', this.runId, this.flat(), this.snapshot, [...this.entries]];
    if (this.exists && this.get('format') !== STORE_FORMAT_VERSION) return ['format', this.get('format') ?? ''];
    if (verb === 'observe') return this.observe(Number(args[0]), args[1]!, args[2]!);
    if (verb === 'take-over') return this.takeOver(args);
    if (verb === 'mark') return this.mark(Number(args[0]), args[1]!, args[2]!);
    if (!this.exists) return ['empty'];
    if (this.get('coordinatorEpoch') !== args[0]) return ['epoch', this.get('coordinatorEpoch') ?? '-1'];
    if (verb === 'release') {
      this.state.delete('actor');
      return ['ok'];
    }
    if (this.runId !== args[1]) return ['restarted', this.runId];
    const rest = args.slice(2);
    switch (verb) {
      case 'beat':
        return this.nextBeat();
      case 'accept':
        return this.accept(rest);
      case 'append':
        return this.append(rest);
      case 'snapshot':
        return this.writeSnapshot(rest);
      default:
        throw new Error(`ERR unknown verb ${verb}`);
    }
  }

  private observe(after: number, afterOpId: string, standby: string): unknown[] {
    if (this.exists) {
      const seen = Number(this.standbys.get(standby) ?? -9);
      if (this.beat - seen > 2) this.standbys.set(standby, `${this.beat}`);
    }
    let opId: string | undefined;
    if (after === this.revision) opId = this.opId;
    else if (after === this.base) opId = this.get('snapshotOpId') ?? '';
    else if (after > this.base && after < this.revision) opId = opIdOf(this.entries[after - this.base - 1]);
    if (opId !== afterOpId) return ['ok', this.runId, this.flat(), 'load', []];
    return ['ok', this.runId, this.flat(), 'entries', this.entries.slice(after - this.base)];
  }

  private takeOver([atLeast, runId, turnId, actor, claim, epoch, beat]: string[]): unknown[] {
    const isTurn =
      claim === 'any' ||
      (claim === 'absent' && !this.exists) ||
      (claim === 'still' && this.exists && this.epoch === Number(epoch) && (beat === '' || this.beat === Number(beat)));
    if (!isTurn) return ['not-your-turn', `${this.epoch}`, `${this.beat}`];
    if (this.runId !== runId) return ['restarted', this.runId];
    const following = `${Math.max(this.epoch, Number(atLeast)) + 1}`;
    this.create(turnId!);
    this.set({ coordinatorEpoch: following, turnId: turnId!, beat: '0' });
    if (actor === '') this.state.delete('actor');
    else this.set({ actor: actor! });
    this.standbys.clear();
    return ['ok', following, this.get('storeId')!];
  }

  private mark(known: number, reason: string, storeId: string): unknown[] {
    if (this.epoch > known) return ['epoch', this.get('coordinatorEpoch')!];
    this.create(storeId);
    this.set({ coordinatorEpoch: `${known}`, suspect: this.get('suspect') ?? reason });
    return ['ok', this.get('suspect')!];
  }

  private nextBeat(): unknown[] {
    const actor = this.get('actor');
    if (actor === undefined) return ['released'];
    this.set({ beat: `${this.beat + 1}` });
    for (const [standby, seen] of [...this.standbys]) {
      const age = this.beat - Number(seen);
      if (age > 10 || standby === actor) this.standbys.delete(standby);
    }
    return ['ok', `${this.beat}`, ...this.standbys.keys()];
  }

  private accept([runId, turnId, revision, opId, beat]: string[]): unknown[] {
    const suspect = this.get('suspect');
    if (suspect !== undefined) return ['suspect', suspect];
    const isSame =
      this.get('runId') === runId &&
      this.get('turnId') === turnId &&
      this.revision === Number(revision) &&
      this.opId === opId &&
      this.beat === Number(beat);
    if (!isSame) return ['chain', `${this.revision}`, this.opId];
    this.set({ runId: this.runId });
    return ['ok'];
  }

  private append([expectedOpId, expectedRevision, opId, line]: string[]): unknown[] {
    const suspect = this.suspect;
    if (suspect !== undefined) return ['suspect', suspect];
    if (this.opId !== expectedOpId || this.revision !== Number(expectedRevision)) return ['chain', `${this.revision}`, this.opId];
    this.entries.push(line!);
    this.set({ revision: `${this.revision + 1}`, opId: opId! });
    return ['ok'];
  }

  private writeSnapshot([kind, revision, opId, line]: string[]): unknown[] {
    const at = Number(revision);
    let covers = false;
    if (kind !== 'new-history') {
      const suspect = this.suspect;
      if (suspect !== undefined) return ['suspect', suspect];
      if (at === this.base && this.get('snapshotOpId') === opId) return ['ok'];
      covers = at > this.base && at <= this.revision && opIdOf(this.entries[at - this.base - 1]) === opId;
      if (!covers && at <= this.revision) return ['chain', `${this.revision}`, this.opId];
    }
    this.snapshot = line!;
    if (covers) this.entries = this.entries.slice(at - this.base);
    else {
      this.entries = [];
      this.set({ revision: revision!, opId: opId! });
    }
    this.set({ snapshotRevision: revision!, snapshotOpId: opId!, runId: this.runId });
    this.state.delete('suspect');
    return ['ok'];
  }

  private create(storeId: string): void {
    if (!this.exists) this.set({ format: STORE_FORMAT_VERSION, storeId, runId: this.runId });
  }

  private flat(): string[] {
    return [...this.state].flat();
  }

  private get(field: string): string | undefined {
    return this.state.get(field);
  }

  private set(fields: Record<string, string>): void {
    for (const [field, value] of Object.entries(fields)) this.state.set(field, value);
  }

  private get exists(): boolean {
    return this.state.size > 0;
  }

  private get epoch(): number {
    return Number(this.get('coordinatorEpoch') ?? -1);
  }

  private get beat(): number {
    return Number(this.get('beat') ?? 0);
  }

  private get revision(): number {
    return Number(this.get('revision') ?? -1);
  }

  private get base(): number {
    return Number(this.get('snapshotRevision') ?? -1);
  }

  private get opId(): string {
    return this.get('opId') ?? '';
  }

  private get suspect(): string | undefined {
    return this.get('suspect') ?? (this.get('runId') === this.runId ? undefined : 'the store was restarted');
  }
}

/** Of a stored line, `<crc32> <json>`; undefined when it is damaged. */
function opIdOf(line: string | undefined): string | undefined {
  try {
    return (JSON.parse((line ?? '').slice(9)) as { opId?: string }).opId;
  } catch {
    return undefined;
  }
}
