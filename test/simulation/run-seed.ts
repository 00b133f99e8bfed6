/**
 * One seed from an empty disk to the verdict: start the cluster, work under faults, heal, wait until everything is available
 * again (liveness, bounded in virtual time), then judge. The same seed gives the same trace hash.
 */
import { SimCrash, type TraceLine } from '#seams-sim';
import { Checkers, Violation } from './checkers.js';
import { SimCluster } from './cluster.js';
import type { CoordinatorTotals } from './coordinator-checks.js';
import { finalCheck } from './final-check.js';
import { GroupWorkload } from './group-workload.js';
import { Nemesis } from './nemesis.js';
import { drawOptions, type SwarmOptions } from './swarm-options.js';
import { Workload } from './workload.js';

/** Virtual time within which a healthy cluster must serve, and a healed one must have caught up. */
const START_LIMIT_MS = 20_000;
const RECOVER_LIMIT_MS = 60_000;
/** Virtual time between two looks at a condition: looking costs more than an event. */
const CONDITION_INTERVAL_MS = 5;
const MIN_ACKNOWLEDGED = 200;
const MIN_FAULTS = 3;

export interface SeedTotals extends CoordinatorTotals {
  /** 1 for a seed with a shared store. */
  shared: number;
  acknowledged: number;
  faults: number;
  elections: number;
  truncations: number;
  isrShrinks: number;
  isrExpansions: number;
  deduplications: number;
  unsyncedBytesLost: number;
  retries: number;
  generations: number;
  commits: number;
  commitsRefused: number;
  /** Records that a group was given again. */
  reread: number;
  cleanings: number;
  /** Answers of coordinators that they do not act. */
  notActive: number;
  events: number;
  virtualMs: number;
}

export interface SeedResult {
  readonly seed: number;
  readonly traceHash: string;
  readonly totals: SeedTotals;
  readonly failure: { readonly message: string; readonly options: SwarmOptions; readonly trace: readonly string[] } | null;
}

export interface RunOptions {
  readonly onLine?: (line: TraceLine) => void;
  readonly tailLines?: number;
}

export async function runSeed(seed: number, run: RunOptions = {}): Promise<SeedResult> {
  const options = drawOptions(seed);
  const cluster = new SimCluster(options);
  cluster.world.trace.onLine = run.onLine ?? null;
  const checkers = new Checkers(cluster);
  const workload = new Workload(cluster, checkers, options);
  const group = new GroupWorkload(cluster, checkers, options);
  const nemesis = new Nemesis(cluster);
  const release = failOnUnhandled(cluster);
  let failure: SeedResult['failure'] = null;
  try {
    await play({ cluster, checkers, workload, group, nemesis, options });
  } catch (error) {
    failure = { message: describeError(error), options, trace: cluster.world.trace.tail(run.tailLines ?? 60) };
  } finally {
    release();
  }
  return { seed, traceHash: cluster.world.trace.hash, totals: totalsOf(cluster, workload, group, nemesis), failure };
}

interface Play {
  readonly cluster: SimCluster;
  readonly checkers: Checkers;
  readonly workload: Workload;
  readonly group: GroupWorkload;
  readonly nemesis: Nemesis;
  readonly options: SwarmOptions;
}

async function play({ cluster, checkers, workload, group, nemesis, options }: Play): Promise<void> {
  const { world } = cluster;
  cluster.onDiskOperation = (host) => nemesis.onDiskOperation(host);
  cluster.committedEnd = (partition) => checkers.committedEnd(partition);
  cluster.diskReplaced = (brokerId) => checkers.diskReplaced(brokerId);
  world.onStep(() => checkers.check());
  cluster.coordinators.startAll();
  for (const node of cluster.brokers) cluster.startBroker(node.id);
  await reach(cluster, 'a topic with leaders', START_LIMIT_MS, cluster.createTopic(options.partitions), () => '');
  cluster.killMember = (member, downMs) => group.kill(member, downMs);
  workload.start();
  group.start();
  nemesis.schedule(options.faults);
  await world.runFor(options.durationMs);
  nemesis.strikeAtLeast(MIN_FAULTS);
  nemesis.healAll();
  const isDone = () => workload.isSent && cluster.isHealthy() && workload.hasConsumedAll && group.isDone;
  const detail = () => `${workload.describe()}; ${group.describe()}; ${cluster.describe()}`;
  await reach(cluster, 'everything available again', RECOVER_LIMIT_MS, isDone, detail);
  await reach(cluster, 'answer to what the group has committed', START_LIMIT_MS, group.askStored(cluster.client()), detail);
  workload.stop();
  finalCheck(cluster, workload, options.partitions);
  group.finalCheck();
  if (workload.acknowledged.length < MIN_ACKNOWLEDGED) throw new Error(`only ${workload.acknowledged.length} records were acknowledged`);
  if (nemesis.struck < MIN_FAULTS) throw new Error(`only ${nemesis.struck} faults struck`);
}

async function reach(cluster: SimCluster, what: string, limitMs: number, condition: () => boolean, detail: () => string): Promise<void> {
  let askAgainMs = 0;
  const isReached = () => {
    if (cluster.world.nowMs < askAgainMs) return false;
    askAgainMs = cluster.world.nowMs + CONDITION_INTERVAL_MS;
    return condition();
  };
  if (await cluster.world.runUntil(isReached, limitMs)) return;
  throw new Violation('liveness', `no ${what} within ${limitMs} virtual ms: ${detail()}`);
}

function totalsOf(cluster: SimCluster, workload: Workload, group: GroupWorkload, nemesis: Nemesis): SeedTotals {
  const { world } = cluster;
  const totals: SeedTotals = {
    shared: cluster.store === null ? 0 : 1,
    ...cluster.coordinatorChecks.totals,
    acknowledged: workload.acknowledged.length,
    faults: nemesis.struck,
    elections: -cluster.initialElections,
    truncations: 0,
    isrShrinks: 0,
    isrExpansions: 0,
    deduplications: 0,
    unsyncedBytesLost: 0,
    retries: workload.retries,
    generations: group.checks.generations,
    commits: group.checks.acknowledgedCommits,
    commitsRefused: group.checks.refusedCommits,
    reread: group.checks.reread,
    cleanings: 0,
    notActive: cluster.coordinators.notActive,
    events: world.trace.events,
    virtualMs: Math.round(world.nowMs),
  };
  for (const node of cluster.brokers) {
    totals.unsyncedBytesLost += world.disk(`broker-${node.id}`).bytesLost;
    for (const broker of node.everyBroker) {
      totals.cleanings += broker.cleanerStats?.cleanings ?? 0;
      const counters = broker.counters();
      totals.elections += counters.leadersGained;
      totals.truncations += counters.truncations;
      totals.isrShrinks += counters.isrShrinks;
      totals.isrExpansions += counters.isrExpansions;
      totals.deduplications += counters.duplicatesAnswered;
    }
  }
  return totals;
}

/** A rejection nobody handles is a bug of ours, except one that only tells dead code that it is dead. */
function failOnUnhandled(cluster: SimCluster): () => void {
  const fail = (error: unknown) => {
    if (!(error instanceof SimCrash)) cluster.world.fail(error);
  };
  process.on('unhandledRejection', fail);
  process.on('uncaughtException', fail);
  return () => {
    process.off('unhandledRejection', fail);
    process.off('uncaughtException', fail);
  };
}

function describeError(error: unknown): string {
  if (error instanceof Violation) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
