/**
 * One incarnation of a simulated process and its seams. running <-> frozen (SIGSTOP: events are held and come late, on
 * resume), both -> dead (kill -9 or loss of power: nothing of it ever runs again; its timers, connections and pending
 * promises vanish). A new incarnation is a new SimProcess on the same host.
 */
import type { Cancellable, Clock, Disk, Logger, Network, Random, Scheduler } from '#seams';
import type { SimDisk } from './disk.js';
import type { SimEvent } from './event-heap.js';
import type { SimWorld } from './world.js';

export { SimCrash } from './crash.js';

export interface KillOptions {
  /** True: loss of power of the host; only what was synced, and a random part of the rest, is left. Default false: kill -9. */
  readonly loseUnsynced?: boolean;
  /** Peers are told nothing (no FIN, no RST) until the host is back. Default: as loseUnsynced. */
  readonly isSilent?: boolean;
}

export class SimProcess {
  state: 'running' | 'frozen' | 'dead' = 'running';
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly disk: Disk;
  readonly network: Network;
  readonly logger: Logger;
  /** How far this process's wall clock is off. Jumps are allowed at any time (R25). */
  wallOffsetMs = 0;
  /** Takes an exception that code of this process let escape; answers whether it dealt with it (else the run fails). */
  onUncaught: ((error: unknown) => boolean) | null = null;
  private held: SimEvent[] = [];
  private endOfTurnTasks: (() => void)[] = [];
  private isTurnEnding = false;
  /** The host's disk itself, for faults and for looking at what it holds. */
  readonly simDisk: SimDisk;
  private readonly monotonicOriginMs: number;

  constructor(
    private readonly world: SimWorld,
    readonly name: string,
    readonly host: string,
    readonly incarnation: number,
  ) {
    const random = world.random.fork(`process/${name}/${incarnation}`);
    this.monotonicOriginMs = random.fork('origin').integer(1_000_000);
    this.random = random;
    this.clock = {
      monotonicMs: () => this.monotonicOriginMs + world.nowUs / 1000,
      wallMs: () => Math.floor(world.startWallMs + world.nowUs / 1000 + this.wallOffsetMs),
    };
    this.scheduler = { after: (delayMs, task) => this.after(delayMs, task), endOfTurn: (task) => this.endOfTurn(task) };
    this.simDisk = world.disk(host);
    this.disk = this.simDisk.mount({ deliver: (run) => this.deliver(run) });
    this.network = world.network.of(this);
    this.logger = new SimLogger(world, name, undefined);
  }

  get isAlive(): boolean {
    return this.state !== 'dead';
  }

  /** Runs code of this process in an event of its own. */
  run(kind: string, code: () => void, delayMs = 0): SimEvent {
    return this.world.push(this.world.nowUs + Math.round(delayMs * 1000), this, kind, code);
  }

  /** SIGSTOP. */
  freeze(): void {
    if (this.state !== 'running') return;
    this.world.note('world', 'fault', `freeze ${this.name}`);
    this.state = 'frozen';
  }

  /** SIGCONT: what was held runs now, in its old order for one timer queue or connection, in seeded order between them. */
  resume(): void {
    if (this.state !== 'frozen') return;
    this.world.note('world', 'fault', `resume ${this.name} with ${this.held.length} held`);
    this.state = 'running';
    const held = this.held;
    this.held = [];
    for (const event of held) this.world.repush(event, this.world.nowUs);
  }

  kill(options: KillOptions = {}): void {
    if (this.state === 'dead') return;
    const loseUnsynced = options.loseUnsynced ?? false;
    this.state = 'dead';
    this.held = [];
    this.endOfTurnTasks = [];
    const lostBytes = this.simDisk.crash({ loseUnsynced });
    this.world.note('world', 'fault', `${loseUnsynced ? 'power loss' : 'kill -9'} ${this.name}`, loseUnsynced ? { lostBytes } : undefined);
    this.world.network.onProcessDied(this, options.isSilent ?? loseUnsynced);
  }

  /** @internal */
  hold(event: SimEvent): void {
    this.held.push(event);
  }

  /** @internal For code that goes on inside an event of the world: now if running, later if frozen, never if dead. */
  deliver(run: () => void): void {
    if (this.state === 'running') this.world.enter(this, run);
    else if (this.state === 'frozen') this.hold(this.world.push(this.world.nowUs, this, 'late', run));
  }

  private after(delayMs: number, task: () => void): Cancellable {
    if (this.state === 'dead') return { cancel: () => {} };
    // Whole milliseconds, at least one, as Node's timers have it.
    const timeUs = this.world.nowUs + Math.max(1, Math.ceil(delayMs)) * 1000;
    const event = this.world.push(timeUs, this, 'timer', task);
    return {
      cancel: () => {
        event.isCancelled = true;
      },
    };
  }

  private endOfTurn(task: () => void): void {
    if (this.state === 'dead') return;
    this.endOfTurnTasks.push(task);
    if (this.isTurnEnding) return;
    this.isTurnEnding = true;
    const lagUs = Math.floor(this.random.next() * this.world.turnUs);
    this.world.push(this.world.nowUs + lagUs, this, 'turn', () => this.runEndOfTurn(this.endOfTurnTasks.length));
  }

  /** First in, first out, each in an event of its own (microtasks run in between, as in Node), tasks added meanwhile in the next turn. */
  private runEndOfTurn(remaining: number): void {
    const task = this.endOfTurnTasks.shift();
    if (remaining > 1) {
      this.world.push(this.world.nowUs, this, 'turn', () => this.runEndOfTurn(remaining - 1), 0);
    } else if (this.endOfTurnTasks.length > 0) {
      this.world.push(this.world.nowUs, this, 'turn', () => this.runEndOfTurn(this.endOfTurnTasks.length));
    } else {
      this.isTurnEnding = false;
    }
    task?.();
  }
}

/** Log lines become lines of the trace. */
class SimLogger implements Logger {
  constructor(
    private readonly world: SimWorld,
    private readonly name: string,
    private readonly fields: Record<string, unknown> | undefined,
  ) {}

  child(fields: Record<string, unknown>): Logger {
    return new SimLogger(this.world, this.name, { ...this.fields, ...fields });
  }
  debug(message: string, fields?: Record<string, unknown>): void {
    this.line('debug', message, fields);
  }
  info(message: string, fields?: Record<string, unknown>): void {
    this.line('info', message, fields);
  }
  warn(message: string, fields?: Record<string, unknown>): void {
    this.line('warn', message, fields);
  }
  error(message: string, fields?: Record<string, unknown>): void {
    this.line('error', message, fields);
  }

  private line(level: string, message: string, fields: Record<string, unknown> | undefined): void {
    this.world.note(this.name, level, message, this.fields === undefined ? fields : { ...this.fields, ...fields });
  }
}
