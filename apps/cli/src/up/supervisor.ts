/**
 * Watches the processes of one local cluster as a StatefulSet would: what dies starts again, later and later while it dies
 * without having served. States of a process: starting -> serving -> ended -> (after the back-off) starting …
 * Until everything served once, a `fatal` message or repeated deaths end the whole cluster; after that the cluster lives
 * until it is asked to stop. A stop is of the whole cluster: brokers first and without hand-over (nobody is left to take
 * over, R28), the coordinators last and together, SIGKILL for whoever is late. No real process or timer is touched here.
 */
import type { CoordinatorRole, ProcessMessage, SupervisorMessage } from '#config';
import type { Cancellable, Clock, Scheduler } from '#seams';
import type { ProcessPlan } from './cluster-plan.js';

export const RESTART_DELAY_MS = 1_000;
export const RESTART_DELAY_MAX_MS = 30_000;
/** Deaths of one process before the cluster served at all, after which `yak up` gives up. */
export const START_DEATHS_MAX = 3;
/** From the request to stop; the coordinator gets what is left up to the second. Together below 5 s. */
export const BROKER_STOP_MS = 3_500;
export const CLUSTER_STOP_MS = 4_500;

export interface SupervisedProcess {
  readonly pid: number;
  /** Never throws; does nothing once the process is gone. */
  send(message: SupervisorMessage): void;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export interface ProcessListener {
  onMessage(message: ProcessMessage): void;
  /** Exactly once, never during start(). Exactly one of the two is set. */
  onExit(code: number | null, signal: string | null): void;
}

export interface SupervisorSeams {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  start(plan: ProcessPlan, listener: ProcessListener): SupervisedProcess;
}

export interface ServingProcess {
  readonly app: ProcessPlan['app'];
  readonly id: number;
  readonly pid: number;
  readonly tcp: string;
  readonly http: string;
  readonly kafka: string | null;
  /** Of a coordinator; null: it did not say, or a broker. */
  readonly state: CoordinatorRole | null;
}

export type SupervisorEvent =
  | { readonly kind: 'started'; readonly plan: ProcessPlan; readonly pid: number }
  | { readonly kind: 'serving'; readonly plan: ProcessPlan; readonly pid: number }
  /** Once, when all serve for the first time. */
  | { readonly kind: 'ready'; readonly clusterId: string; readonly processes: readonly ServingProcess[]; readonly tookMs: number }
  | {
      readonly kind: 'exited';
      readonly plan: ProcessPlan;
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
    }
  /** Follows `exited`; null: it stays dead. */
  | { readonly kind: 'restart'; readonly plan: ProcessPlan; readonly inMs: number | null }
  /** A coordinator says what it does now. */
  | {
      readonly kind: 'state';
      readonly plan: ProcessPlan;
      readonly state: CoordinatorRole;
      readonly coordinatorEpoch: number;
      readonly reason: string | null;
    }
  | { readonly kind: 'leader'; readonly topic: string; readonly partition: number; readonly leader: number; readonly leaderEpoch: number }
  /** A process said why it cannot start, when the cluster was already up. */
  | { readonly kind: 'complaint'; readonly plan: ProcessPlan; readonly message: string }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'killed'; readonly plan: ProcessPlan };

export type Outcome =
  | { readonly kind: 'stopped' /** Names of processes that did not stop in time. */; readonly killed: readonly string[] }
  | { readonly kind: 'failed'; readonly message: string };

interface Watched {
  readonly plan: ProcessPlan;
  process: SupervisedProcess | null;
  serving: Omit<ServingProcess, 'state'> | null;
  state: CoordinatorRole | null;
  isAskedToStop: boolean;
  deaths: number;
  /** Said by its last incarnation. */
  fatal: string | null;
  restart: Cancellable | null;
}

export class Supervisor {
  private readonly watched: readonly Watched[];
  private readonly startedAtMs: number;
  private clusterId = '';
  private hasServed = false;
  private isStopping = false;
  private failure: string | null = null;
  private readonly killed: string[] = [];
  private deadlines: Cancellable[] = [];
  private settle!: (outcome: Outcome) => void;
  /** Settles when no process is left. */
  readonly outcome: Promise<Outcome> = new Promise((resolve) => (this.settle = resolve));

  constructor(
    plans: readonly ProcessPlan[],
    private readonly options: { readonly restart: boolean; readonly onEvent: (event: SupervisorEvent) => void },
    private readonly seams: SupervisorSeams,
  ) {
    this.startedAtMs = seams.clock.monotonicMs();
    this.watched = plans.map((plan) => ({
      plan,
      process: null,
      serving: null,
      state: null,
      isAskedToStop: false,
      deaths: 0,
      fatal: null,
      restart: null,
    }));
  }

  start(): void {
    for (const one of this.watched) this.startOne(one);
  }

  /** Stops everything in order. Calling it again changes nothing. */
  stop(): void {
    if (this.isStopping) return;
    this.isStopping = true;
    for (const one of this.watched) one.restart?.cancel();
    this.options.onEvent({ kind: 'stopping' });
    for (const one of this.living('broker')) one.process!.send({ type: 'stop', handOver: false });
    this.deadlines.push(this.seams.scheduler.after(BROKER_STOP_MS, () => this.killAll(this.living('broker'))));
    this.deadlines.push(this.seams.scheduler.after(CLUSTER_STOP_MS, () => this.killAll(this.living())));
    this.continueStopping();
  }

  /** For the second Ctrl-C. */
  killEverything(): void {
    this.stop();
    this.killAll(this.living());
  }

  private startOne(one: Watched): void {
    one.restart = null;
    one.fatal = null;
    one.state = null;
    const process = this.seams.start(one.plan, {
      onMessage: (message) => this.onMessage(one, process, message),
      onExit: (code, signal) => this.onExit(one, process, code, signal),
    });
    one.process = process;
    this.options.onEvent({ kind: 'started', plan: one.plan, pid: process.pid });
  }

  private onMessage(one: Watched, process: SupervisedProcess, message: ProcessMessage): void {
    if (one.process !== process) return;
    switch (message.type) {
      case 'ready':
        this.onServing(one, process, message);
        break;
      case 'state':
        one.state = message.state;
        this.options.onEvent({
          kind: 'state',
          plan: one.plan,
          state: message.state,
          coordinatorEpoch: message.coordinatorEpoch,
          reason: message.reason,
        });
        break;
      case 'leader':
        this.options.onEvent({
          kind: 'leader',
          topic: message.topic,
          partition: message.partition,
          leader: message.leader,
          leaderEpoch: message.leaderEpoch,
        });
        break;
      case 'fatal':
        one.fatal = message.message;
        if (this.hasServed || this.isStopping) this.options.onEvent({ kind: 'complaint', plan: one.plan, message: message.message });
        else this.fail(message.message);
    }
  }

  private onServing(one: Watched, process: SupervisedProcess, message: Extract<ProcessMessage, { type: 'ready' }>): void {
    if (one.serving !== null || this.isStopping) return;
    const { app, id } = one.plan;
    one.serving = { app, id, pid: process.pid, tcp: message.tcp, http: message.http, kafka: message.kafka ?? null };
    // One that stands by since before the cluster began does not know it.
    if (message.clusterId !== '' && (this.clusterId === '' || app === 'coordinator')) this.clusterId = message.clusterId;
    this.options.onEvent({ kind: 'serving', plan: one.plan, pid: process.pid });
    if (this.hasServed || this.watched.some((other) => other.serving === null)) return;
    this.hasServed = true;
    for (const other of this.watched) other.deaths = 0;
    const tookMs = this.seams.clock.monotonicMs() - this.startedAtMs;
    const processes = this.watched.map((other) => ({ ...other.serving!, state: other.state }));
    this.options.onEvent({ kind: 'ready', clusterId: this.clusterId, processes, tookMs });
  }

  private onExit(one: Watched, process: SupervisedProcess, code: number | null, signal: string | null): void {
    if (one.process !== process) return;
    // One that served had recovered: its death counts as the first. Later and later is for those that never get there.
    if (one.serving !== null) one.deaths = 0;
    one.process = null;
    one.serving = null;
    this.options.onEvent({ kind: 'exited', plan: one.plan, pid: process.pid, code, signal });
    if (this.isStopping) {
      this.continueStopping();
      return;
    }
    one.deaths++;
    const end = signal === null ? `exit code ${code}` : signal;
    if (!this.hasServed && (one.deaths >= START_DEATHS_MAX || !this.options.restart)) {
      this.fail(`${one.plan.name} ended (${end}) before the cluster was ready; its log file says more`);
      return;
    }
    if (!this.options.restart) {
      this.options.onEvent({ kind: 'restart', plan: one.plan, inMs: null });
      if (this.living().length === 0) this.fail('no process is left and --no-restart was asked for');
      return;
    }
    const delayMs = Math.min(RESTART_DELAY_MS * 2 ** (one.deaths - 1), RESTART_DELAY_MAX_MS);
    this.options.onEvent({ kind: 'restart', plan: one.plan, inMs: delayMs });
    one.restart = this.seams.scheduler.after(delayMs, () => this.startOne(one));
  }

  private fail(message: string): void {
    this.failure ??= message;
    this.stop();
  }

  /** The coordinators are asked once the last broker is gone, all together; the end comes when nobody is left. */
  private continueStopping(): void {
    if (this.living('broker').length > 0) return;
    const coordinators = this.living('coordinator');
    for (const one of coordinators.filter(({ isAskedToStop }) => !isAskedToStop)) {
      one.isAskedToStop = true;
      one.process!.send({ type: 'stop', handOver: false });
    }
    if (coordinators.length > 0) return;
    for (const deadline of this.deadlines) deadline.cancel();
    this.settle(this.failure === null ? { kind: 'stopped', killed: this.killed } : { kind: 'failed', message: this.failure });
  }

  private killAll(late: readonly Watched[]): void {
    for (const one of late) {
      if (!this.killed.includes(one.plan.name)) this.killed.push(one.plan.name);
      this.options.onEvent({ kind: 'killed', plan: one.plan });
      one.process!.kill('SIGKILL');
    }
  }

  private living(app?: ProcessPlan['app']): Watched[] {
    return this.watched.filter((one) => one.process !== null && (app === undefined || one.plan.app === app));
  }
}
