/**
 * A whole cluster in one thread from one seed. Virtual time jumps from event to event; after each one all microtasks are
 * drained, so engine work costs no simulated time and two events never interleave. Only simulated ports may resolve the
 * promises that simulated code waits for. Hosts keep their disks; processes come and go on them.
 */
import { YakError } from '#kernel';
import { SimDisk } from './disk.js';
import { runDrained } from './drain.js';
import { EventHeap, type SimEvent } from './event-heap.js';
import { SimNetwork } from './network.js';
import { SimCrash, SimProcess } from './process.js';
import { SimRandom } from './random.js';
import { Trace } from './trace.js';

export interface SimWorldOptions {
  readonly seed: number | string;
  readonly startWallMs?: number;
  /** Virtual duration of an fdatasync, drawn per call. Default 0.1 to 2 ms. */
  readonly syncLatencyMs?: { readonly min: number; readonly max: number };
  /** A turn of a process's event loop takes up to this long: how far endOfTurn lags behind. Default 0.1 ms. */
  readonly turnMs?: number;
}

/** 2026-01-01T00:00:00Z. */
const DEFAULT_START_WALL_MS = 1_767_225_600_000;

export class SimWorld {
  readonly random: SimRandom;
  readonly network: SimNetwork;
  readonly trace = new Trace();
  readonly startWallMs: number;
  readonly turnUs: number;
  nowUs = 0;
  private readonly heap = new EventHeap();
  private readonly ties: SimRandom;
  private readonly disks = new Map<string, SimDisk>();
  private readonly processes = new Map<string, SimProcess>();
  private readonly checkers: (() => void)[] = [];
  private readonly syncLatencyMs: { readonly min: number; readonly max: number };
  private sequence = 0;
  private failure: unknown = null;
  private hasFailed = false;

  constructor(options: SimWorldOptions) {
    this.random = new SimRandom(options.seed);
    this.ties = this.random.fork('ties');
    this.startWallMs = options.startWallMs ?? DEFAULT_START_WALL_MS;
    this.syncLatencyMs = options.syncLatencyMs ?? { min: 0.1, max: 2 };
    this.turnUs = Math.round((options.turnMs ?? 0.1) * 1000);
    this.network = new SimNetwork(this);
  }

  get nowMs(): number {
    return this.nowUs / 1000;
  }

  /** The disk of a host, kept across its processes. */
  disk(host: string): SimDisk {
    let disk = this.disks.get(host);
    if (!disk) {
      const { min, max } = this.syncLatencyMs;
      const chance = this.random.fork(`disk/${host}`);
      const later = (delayMs: number, run: () => void) => this.schedule(delayMs, `disk:${host}`, run);
      disk = new SimDisk({ random: chance, after: later, syncLatencyMs: () => min + chance.next() * (max - min) });
      this.disks.set(host, disk);
    }
    return disk;
  }

  /** Starts a process; its code runs only inside `process.run` and what follows from it. One live process per name. */
  start(name: string, host = name): SimProcess {
    const previous = this.processes.get(name);
    if (previous && previous.state !== 'dead') throw new YakError('SIM_USAGE', `process ${name} still lives`);
    const process = new SimProcess(this, name, host, (previous?.incarnation ?? 0) + 1);
    this.processes.set(name, process);
    this.network.onProcessStarted(process);
    this.note('world', 'start', `${name} #${process.incarnation}`);
    return process;
  }

  /** The latest process of that name, alive or not. */
  process(name: string): SimProcess | undefined {
    return this.processes.get(name);
  }

  /** An event of the world itself: devices, wires, faults. */
  schedule(delayMs: number, kind: string, run: () => void): SimEvent {
    return this.push(this.nowUs + Math.max(0, Math.round(delayMs * 1000)), null, kind, run);
  }

  /** Runs after every event (once microtasks are drained). Throwing ends the run. */
  onStep(checker: () => void): void {
    this.checkers.push(checker);
  }

  note(process: string, kind: string, text: string, fields?: Record<string, unknown>): void {
    this.trace.note(this.nowUs, process, kind, text, fields);
  }

  /** Ends the run with this error (first one wins), e.g. from a handler of unhandled rejections. */
  fail(error: unknown): void {
    if (this.hasFailed) return;
    this.hasFailed = true;
    this.failure = error;
  }

  /** One event and all that follows from it in microtasks. False when nothing is left to happen. */
  async step(): Promise<boolean> {
    let left = 1;
    let ran = false;
    await runDrained(() => left-- > 0 && (ran = this.runNext(Number.POSITIVE_INFINITY)));
    this.check();
    return ran;
  }

  /**
   * Runs events until `condition` holds (asked after every event) or `maxVirtualMs` passed, in which case time stands there.
   * Answers whether the condition holds; rejects with what simulated code or a checker threw.
   */
  async runUntil(condition: () => boolean, maxVirtualMs: number): Promise<boolean> {
    const endUs = this.nowUs + Math.round(maxVirtualMs * 1000);
    let holds = false;
    await runDrained(() => {
      this.check();
      holds = condition();
      return !holds && this.runNext(endUs);
    });
    this.check();
    if (!holds) this.nowUs = Math.max(this.nowUs, endUs);
    return holds;
  }

  async runFor(virtualMs: number): Promise<void> {
    await this.runUntil(() => false, virtualMs);
  }

  /** Waits for simulated work to settle; rejects when it does, or with SIM_STUCK after `maxVirtualMs`. */
  async settle<T>(work: Promise<T>, maxVirtualMs = 60_000): Promise<T> {
    let isSettled = false;
    work.then(
      () => (isSettled = true),
      () => (isSettled = true),
    );
    if (!(await this.runUntil(() => isSettled, maxVirtualMs)))
      throw new YakError('SIM_STUCK', `no result after ${maxVirtualMs} virtual ms`);
    return work;
  }

  /** @internal */
  push(timeUs: number, process: SimProcess | null, kind: string, run: () => void, tie?: number): SimEvent {
    const event = { timeUs, tie: tie ?? this.ties.uint32() + 1, sequence: this.sequence++, process, kind, run, isCancelled: false };
    this.heap.push(event);
    return event;
  }

  /** @internal */
  repush(event: SimEvent, timeUs: number): void {
    event.timeUs = timeUs;
    this.heap.push(event);
  }

  /** @internal Runs code of `process` now; its crash or failure never reaches the caller. */
  enter(process: SimProcess | null, run: () => void): void {
    try {
      run();
    } catch (error) {
      if (error instanceof SimCrash) return;
      if (process?.onUncaught?.(error)) return;
      this.note(process?.name ?? 'world', 'throw', error instanceof Error ? (error.stack ?? error.message) : String(error));
      this.fail(error);
    }
  }

  private runNext(endUs: number): boolean {
    for (;;) {
      const event = this.heap.peek();
      if (event === undefined || event.timeUs > endUs) return false;
      this.heap.pop();
      if (event.isCancelled) continue;
      const process = event.process;
      if (process !== null && process.state !== 'running') {
        if (process.state === 'frozen') process.hold(event);
        continue;
      }
      this.nowUs = Math.max(this.nowUs, event.timeUs);
      this.trace.fold(this.nowUs, process?.name ?? 'world', event.kind);
      this.enter(process, event.run);
      return true;
    }
  }

  private check(): void {
    for (const checker of this.checkers) checker();
    if (this.hasFailed) throw this.failure;
  }
}
