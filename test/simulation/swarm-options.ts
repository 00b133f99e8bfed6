/**
 * What one seed is about: sizes, timing and faults, all drawn from the seed (a "swarm": seeds differ in kind, not only in
 * order). The plan is drawn in full before the run, so it can be printed with a failure.
 */
import { SimRandom } from '#seams-sim';

export interface MinMax {
  readonly min: number;
  readonly max: number;
}

/** Which broker a fault hits: a fixed one, whoever leads that partition when the fault strikes, or the group's coordinator. */
export type BrokerTarget = { readonly broker: number } | { readonly leaderOf: number } | { readonly groupCoordinator: true };
export type HostName = 'broker-0' | 'broker-1' | 'broker-2' | 'coordinator' | 'client' | `member-${number}`;

export type Fault =
  | { readonly kind: 'kill'; readonly target: BrokerTarget; readonly downMs: number }
  | {
      readonly kind: 'kill-at-operation';
      readonly target: BrokerTarget;
      readonly operations: number;
      readonly losesPower: boolean;
      readonly downMs: number;
    }
  | { readonly kind: 'kill-then-power'; readonly target: BrokerTarget; readonly upMs: number }
  | { readonly kind: 'power'; readonly brokers: readonly number[]; readonly downMs: number }
  | { readonly kind: 'disk-lost'; readonly target: BrokerTarget; readonly downMs: number }
  | { readonly kind: 'coordinator-disk-lost'; readonly downMs: number }
  | { readonly kind: 'freeze'; readonly target: BrokerTarget; readonly durationMs: number }
  | { readonly kind: 'restart'; readonly target: BrokerTarget }
  | { readonly kind: 'cut'; readonly hosts: readonly [HostName, HostName] }
  | { readonly kind: 'partition'; readonly hosts: readonly [HostName, HostName]; readonly isOneWay: boolean; readonly durationMs: number }
  | {
      readonly kind: 'isolate';
      readonly target: BrokerTarget;
      readonly from: 'brokers' | 'coordinator' | 'all but clients';
      readonly durationMs: number;
    }
  | { readonly kind: 'coordinator-kill'; readonly losesPower: boolean; readonly downMs: number }
  | { readonly kind: 'member-kill'; readonly member: number; readonly downMs: number }
  | { readonly kind: 'member-freeze'; readonly member: number; readonly durationMs: number }
  | { readonly kind: 'coordinator-freeze'; readonly durationMs: number }
  | { readonly kind: 'slow-disk'; readonly target: BrokerTarget; readonly extraMs: number; readonly durationMs: number }
  | { readonly kind: 'clock-jump'; readonly target: BrokerTarget; readonly byMs: number };

export interface PlannedFault {
  /** Virtual ms after the workload began. */
  readonly atMs: number;
  readonly fault: Fault;
}

export interface SwarmOptions {
  readonly seed: number;
  readonly partitions: number;
  readonly producers: number;
  /** Of all producers together. */
  readonly records: number;
  readonly valueBytesMax: number;
  readonly batchBytes: number;
  readonly lingerMs: number;
  /** The workload is spread over this long; faults fall into it. */
  readonly durationMs: number;
  readonly segmentBytes: number;
  readonly segmentMs: number;
  readonly indexIntervalBytes: number;
  readonly replicaFetchWaitMaxMs: number;
  readonly replicaLagTimeMaxMs: number;
  readonly latencyMs: MinMax;
  readonly syncLatencyMs: MinMax;
  readonly splitProbability: number;
  readonly joinProbability: number;
  readonly group: GroupOptions;
  readonly faults: readonly PlannedFault[];
}

export interface GroupOptions {
  readonly members: number;
  /** The first so many have a group.instance.id. */
  readonly staticMembers: number;
  readonly sessionTimeoutMs: number;
  /** Longest time that a member works on a batch. */
  readonly workMs: number;
  /** Of a member's client: how soon it gives up a coordinator that stands still. */
  readonly requestTimeoutMs: number;
}

export const BROKERS = [0, 1, 2] as const;
const BROKER_HOSTS: readonly HostName[] = ['broker-0', 'broker-1', 'broker-2'];
export const MEMBERS_MAX = 3;
const HOSTS: readonly HostName[] = [...BROKER_HOSTS, 'coordinator', 'client', 'member-0', 'member-1'];

export function drawOptions(seed: number): SwarmOptions {
  const random = new SimRandom(`options/${seed}`);
  const durationMs = random.between(7_000, 11_000);
  const slowestLinkMs = random.pick([0.4, 1, 3, 12]);
  const slowestSyncMs = random.pick([0.5, 5, 25, 80]);
  const segmentBytes = random.pick([4_096, 8_192, 16_384, 65_536]);
  return {
    seed,
    partitions: random.between(1, 3),
    producers: random.between(1, 2),
    records: random.between(230, 300),
    valueBytesMax: random.pick([60, 300, 1_500, 3_500]),
    // A batch must fit into a segment.
    batchBytes: Math.min(segmentBytes - 256, random.pick([600, 2_000, 8_192, 16_384])),
    lingerMs: random.pick([0, 1, 5, 20]),
    durationMs,
    segmentBytes,
    segmentMs: random.pick([700, 2_500, 7 * 24 * 3_600_000]),
    indexIntervalBytes: random.pick([64, 256, 1_024]),
    replicaFetchWaitMaxMs: random.pick([200, 500]),
    replicaLagTimeMaxMs: random.pick([700, 1_500, 3_000]),
    latencyMs: { min: 0.05, max: slowestLinkMs },
    syncLatencyMs: { min: 0.1, max: slowestSyncMs },
    splitProbability: random.pick([0, 0.02, 0.2]),
    joinProbability: random.pick([0, 0.3, 0.7]),
    group: drawGroup(random),
    faults: drawFaults(random, durationMs),
  };
}

function drawGroup(random: SimRandom): GroupOptions {
  const members = random.between(1, MEMBERS_MAX);
  return {
    members,
    staticMembers: random.chance(0.4) ? random.between(1, members) : 0,
    sessionTimeoutMs: random.pick([900, 1_800, 4_000]),
    workMs: random.pick([0, 10, 60, 250]),
    requestTimeoutMs: random.pick([900, 3_000]),
  };
}

/** In half of the seeds faults come close together: fast successive elections are where epochs matter. */
function drawFaults(random: SimRandom, durationMs: number): PlannedFault[] {
  const kinds = drawKinds(random);
  const count = random.between(5, 8);
  const clusters = Array.from({ length: random.between(1, 4) }, () => random.between(200, durationMs - 1_500));
  const isClustered = random.chance(0.5);
  const drawTime = () => (isClustered ? random.pick(clusters) + random.integer(1_000) : random.between(200, durationMs - 500));
  const faults: PlannedFault[] = [];
  while (faults.length < count) {
    const kind = random.pick(kinds);
    if (ONCE.includes(kind) && faults.some(({ fault }) => ONCE.includes(fault.kind))) continue;
    faults.push({ atMs: drawTime(), fault: drawFault(random, kind) });
  }
  faults.push(...drawGroupFaults(random, drawTime));
  return faults.sort((left, right) => left.atMs - right.atMs);
}

/**
 * Of the group, beside the faults of brokers: without them it forms once and stays. And its coordinator stands still for so long
 * that the group goes on under another one, and then answers what came meanwhile.
 */
function drawGroupFaults(random: SimRandom, drawTime: () => number): PlannedFault[] {
  const faults = Array.from({ length: random.between(1, 4) }, (): PlannedFault => {
    return { atMs: drawTime(), fault: drawFault(random, random.chance(0.6) ? 'member-kill' : 'member-freeze') };
  });
  if (random.chance(0.4))
    faults.push({ atMs: random.between(500, 3_000), fault: { kind: 'freeze', target: { groupCoordinator: true }, durationMs: 4_500 } });
  return faults;
}

const KINDS: readonly Fault['kind'][] = [
  'kill',
  'kill-at-operation',
  'kill-then-power',
  'power',
  'freeze',
  'restart',
  'cut',
  'partition',
  'isolate',
  'coordinator-kill',
  'coordinator-freeze',
  'slow-disk',
  'clock-jump',
  'disk-lost',
  'coordinator-disk-lost',
];
/**
 * The fault budget (m - 1 replicas of a partition may lose what was synced): one disk in a seed, of a broker or of the cluster
 * coordinator.
 */
const ONCE: readonly Fault['kind'][] = ['disk-lost', 'coordinator-disk-lost'];
const KINDS_PER_SEED: MinMax = { min: 3, max: 6 };

/** A seed knows only some kinds, so that rare combinations come up often somewhere. */
function drawKinds(random: SimRandom): Fault['kind'][] {
  const left = [...KINDS];
  const count = random.between(KINDS_PER_SEED.min, KINDS_PER_SEED.max);
  const kinds: Fault['kind'][] = [];
  while (kinds.length < count) kinds.push(left.splice(random.integer(left.length), 1)[0]!);
  return kinds;
}

function drawFault(random: SimRandom, kind: Fault['kind']): Fault {
  const target = drawTarget(random);
  const downMs = random.pick([50, 400, 1_500, 3_500]);
  const durationMs = random.pick([300, 1_200, 2_600, 4_500]);
  switch (kind) {
    case 'kill':
      return { kind, target, downMs };
    case 'kill-at-operation':
      return { kind, target, operations: random.between(1, 60), losesPower: random.chance(0.7), downMs };
    case 'kill-then-power':
      return { kind, target, upMs: random.pick([5, 60, 300, 1_200]) };
    case 'power':
      return { kind, brokers: drawBrokers(random), downMs };
    case 'disk-lost':
      return { kind, target, downMs };
    case 'coordinator-disk-lost':
      return { kind, downMs };
    case 'freeze':
      return { kind, target, durationMs };
    case 'restart':
      return { kind, target };
    case 'cut':
      return { kind, hosts: drawHosts(random) };
    case 'partition':
      return { kind, hosts: drawHosts(random), isOneWay: random.chance(0.5), durationMs };
    case 'isolate':
      return { kind, target, from: random.pick(['brokers', 'coordinator', 'all but clients'] as const), durationMs };
    case 'coordinator-kill':
      return { kind, losesPower: random.chance(0.5), downMs };
    case 'coordinator-freeze':
      return { kind, durationMs };
    case 'slow-disk':
      return { kind, target, extraMs: random.pick([20, 150, 900]), durationMs };
    case 'member-kill':
      return { kind, member: random.integer(MEMBERS_MAX), downMs };
    case 'member-freeze':
      return { kind, member: random.integer(MEMBERS_MAX), durationMs };
    case 'clock-jump':
      return { kind, target, byMs: random.between(-1_800_000, 1_800_000) };
  }
}

function drawTarget(random: SimRandom): BrokerTarget {
  if (random.chance(0.3)) return { groupCoordinator: true };
  return random.chance(0.6) ? { leaderOf: random.integer(3) } : { broker: random.pick(BROKERS) };
}

function drawBrokers(random: SimRandom): number[] {
  const count = random.pick([1, 1, 2, 3]);
  const first = random.integer(BROKERS.length);
  return BROKERS.map((_, index) => (first + index) % BROKERS.length).slice(0, count);
}

function drawHosts(random: SimRandom): [HostName, HostName] {
  const first = random.pick(BROKER_HOSTS);
  const second = random.pick(HOSTS.filter((host) => host !== first));
  return random.chance(0.5) ? [first, second] : [second, first];
}
