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
/** One of two coordinators: by name, the one that acts when the fault strikes, or the other one. */
export type CoordinatorTarget = number | 'acting' | 'other';
export type HostName =
  | 'broker-0'
  | 'broker-1'
  | 'broker-2'
  | 'coordinator'
  | 'coordinator-0'
  | 'coordinator-1'
  | 'store'
  | 'client'
  | `member-${number}`;

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
  | { readonly kind: 'coordinator-kill'; readonly target: CoordinatorTarget; readonly losesPower: boolean; readonly downMs: number }
  | { readonly kind: 'member-kill'; readonly member: number; readonly downMs: number }
  | { readonly kind: 'member-freeze'; readonly member: number; readonly durationMs: number }
  | { readonly kind: 'coordinator-freeze'; readonly target: CoordinatorTarget; readonly durationMs: number }
  | SharedFault
  | { readonly kind: 'slow-disk'; readonly target: BrokerTarget; readonly extraMs: number; readonly durationMs: number }
  | { readonly kind: 'clock-jump'; readonly target: BrokerTarget; readonly byMs: number };

/** Only where coordinators share a store. `isAlone` false: the coordinators die with it, so nobody can tell what it held. */
export type SharedFault =
  | { readonly kind: 'coordinator-stop'; readonly target: CoordinatorTarget; readonly downMs: number }
  | {
      readonly kind: 'coordinator-isolate';
      readonly target: CoordinatorTarget;
      readonly from: 'store' | 'brokers' | 'other' | 'all';
      readonly way: 'both' | 'out' | 'in';
      readonly durationMs: number;
    }
  | { readonly kind: 'store-kill'; readonly isSilent: boolean; readonly downMs: number }
  | { readonly kind: 'store-freeze'; readonly durationMs: number }
  | { readonly kind: 'store-slow'; readonly slowMs: number; readonly durationMs: number }
  | { readonly kind: 'store-cut'; readonly target: CoordinatorTarget }
  | { readonly kind: 'store-rollback'; readonly lostMs: number; readonly isAlone: boolean; readonly downMs: number }
  | { readonly kind: 'store-lost'; readonly isAlone: boolean; readonly downMs: number };

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
  /** Null: one coordinator on its embedded store. */
  readonly store: StoreOptions | null;
  readonly faults: readonly PlannedFault[];
}

export interface StoreOptions {
  readonly coordinators: number;
  /** What the store says of itself; if not, every restart of it is suspect. */
  readonly isDurable: boolean;
  readonly commandTimeoutMs: number;
  readonly latencyMs: MinMax;
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
const OTHER_HOSTS: readonly HostName[] = ['client', 'member-0', 'member-1'];
const SHARED_SEEDS = 0.5;

export function coordinatorHosts({ store }: Pick<SwarmOptions, 'store'>): HostName[] {
  return store === null ? ['coordinator'] : (['coordinator-0', 'coordinator-1'] as const).slice(0, store.coordinators);
}

export function drawOptions(seed: number): SwarmOptions {
  const random = new SimRandom(`options/${seed}`);
  const store = drawStore(random.fork('store'));
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
    store,
    faults: drawFaults(random, durationMs, store),
  };
}

function drawStore(random: SimRandom): StoreOptions | null {
  if (!random.chance(SHARED_SEEDS)) return null;
  return {
    coordinators: random.chance(0.85) ? 2 : 1,
    isDurable: random.chance(0.85),
    commandTimeoutMs: random.pick([600, 1_000, 2_000]),
    latencyMs: { min: 0.1, max: random.pick([0.5, 3, 20]) },
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
function drawFaults(random: SimRandom, durationMs: number, store: StoreOptions | null): PlannedFault[] {
  const isLost = (fault: Fault): boolean => ONCE.includes(fault.kind);
  const kinds = drawKinds(random, store === null ? KINDS : BROKER_KINDS);
  const count = store === null ? random.between(5, 8) : random.between(3, 6);
  const clusters = Array.from({ length: random.between(1, 4) }, () => random.between(200, durationMs - 1_500));
  const isClustered = random.chance(0.5);
  const drawTime = () => (isClustered ? random.pick(clusters) + random.integer(1_000) : random.between(200, durationMs - 500));
  const hosts = coordinatorHosts({ store });
  const faults: PlannedFault[] = [];
  while (faults.length < count) {
    const kind = random.pick(kinds);
    if (ONCE.includes(kind) && faults.some(({ fault }) => isLost(fault))) continue;
    faults.push({ atMs: drawTime(), fault: drawFault(random, kind, hosts) });
  }
  if (store !== null) {
    const sharedKinds = drawKinds(random, SHARED_KINDS);
    for (let left = random.between(3, 6); left > 0; left--) {
      const fault = drawFault(random, random.pick(sharedKinds), hosts);
      if (!isLost(fault) || !faults.some((planned) => isLost(planned.fault))) faults.push({ atMs: drawTime(), fault });
    }
  }
  faults.push(...drawGroupFaults(random, drawTime, hosts));
  return faults.sort((left, right) => left.atMs - right.atMs);
}

/**
 * Of the group, beside the faults of brokers: without them it forms once and stays. And its coordinator stands still for so long
 * that the group goes on under another one, and then answers what came meanwhile.
 */
function drawGroupFaults(random: SimRandom, drawTime: () => number, hosts: readonly HostName[]): PlannedFault[] {
  const faults = Array.from({ length: random.between(1, 4) }, (): PlannedFault => {
    return { atMs: drawTime(), fault: drawFault(random, random.chance(0.6) ? 'member-kill' : 'member-freeze', hosts) };
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
const BROKER_KINDS = KINDS.filter((kind) => !kind.startsWith('coordinator-'));
const SHARED_KINDS: readonly Fault['kind'][] = [
  'coordinator-kill',
  'coordinator-freeze',
  'coordinator-stop',
  'coordinator-isolate',
  'store-kill',
  'store-freeze',
  'store-slow',
  'store-cut',
  'store-rollback',
  'store-lost',
];
/**
 * The fault budget (m - 1 replicas of a partition may lose what was synced): one disk in a seed, of a broker, of the cluster
 * coordinator or of the store.
 */
const ONCE: readonly Fault['kind'][] = ['disk-lost', 'coordinator-disk-lost', 'store-rollback', 'store-lost'];
const KINDS_PER_SEED: MinMax = { min: 3, max: 6 };

/** A seed knows only some kinds, so that rare combinations come up often somewhere. */
function drawKinds(random: SimRandom, all: readonly Fault['kind'][]): Fault['kind'][] {
  const left = [...all];
  const count = random.between(KINDS_PER_SEED.min, KINDS_PER_SEED.max);
  const kinds: Fault['kind'][] = [];
  while (kinds.length < count) kinds.push(left.splice(random.integer(left.length), 1)[0]!);
  return kinds;
}

function drawFault(random: SimRandom, kind: Fault['kind'], coordinators: readonly HostName[]): Fault {
  if (coordinators[0] !== 'coordinator' && (SHARED_KINDS as readonly string[]).includes(kind)) return drawSharedFault(random, kind);
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
      return { kind, hosts: drawHosts(random, coordinators) };
    case 'partition':
      return { kind, hosts: drawHosts(random, coordinators), isOneWay: random.chance(0.5), durationMs };
    case 'isolate':
      return { kind, target, from: random.pick(['brokers', 'coordinator', 'all but clients'] as const), durationMs };
    case 'coordinator-kill':
      return { kind, target: 'acting', losesPower: random.chance(0.5), downMs };
    case 'coordinator-freeze':
      return { kind, target: 'acting', durationMs };
    case 'slow-disk':
      return { kind, target, extraMs: random.pick([20, 150, 900]), durationMs };
    case 'member-kill':
      return { kind, member: random.integer(MEMBERS_MAX), downMs };
    case 'member-freeze':
      return { kind, member: random.integer(MEMBERS_MAX), durationMs };
    case 'clock-jump':
      return { kind, target, byMs: random.between(-1_800_000, 1_800_000) };
    default:
      throw new Error(`${kind} is a fault of a shared store`);
  }
}

/** Mostly of the one that acts; pauses around and above the time after which it is deposed. */
function drawSharedFault(random: SimRandom, kind: Fault['kind']): Fault {
  const target: CoordinatorTarget = random.chance(0.65) ? 'acting' : random.chance(0.5) ? 'other' : random.integer(2);
  const downMs = random.pick([50, 400, 1_500, 3_500]);
  const durationMs = random.pick([400, 1_400, 2_600, 4_500]);
  switch (kind) {
    case 'coordinator-kill':
      return { kind, target, losesPower: random.chance(0.5), downMs };
    case 'coordinator-freeze':
      return { kind, target, durationMs };
    case 'coordinator-stop':
      return { kind, target, downMs };
    case 'coordinator-isolate':
      return {
        kind,
        target,
        from: random.pick(['store', 'store', 'brokers', 'other', 'all'] as const),
        way: random.pick(['both', 'out', 'in'] as const),
        durationMs,
      };
    case 'store-kill':
      return { kind, isSilent: random.chance(0.5), downMs };
    case 'store-freeze':
      return { kind, durationMs };
    case 'store-slow':
      return { kind, slowMs: random.pick([100, 500, 1_500, 3_000]), durationMs };
    case 'store-cut':
      return { kind, target };
    case 'store-rollback':
      return { kind, lostMs: random.pick([5, 100, 1_000, 4_000]), isAlone: random.chance(0.5), downMs };
    case 'store-lost':
      return { kind, isAlone: random.chance(0.7), downMs };
    default:
      throw new Error(`${kind} is no fault of a shared store`);
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

function drawHosts(random: SimRandom, coordinators: readonly HostName[]): [HostName, HostName] {
  const first = random.pick(BROKER_HOSTS);
  const second = random.pick([...BROKER_HOSTS, ...coordinators, ...OTHER_HOSTS].filter((host) => host !== first));
  return random.chance(0.5) ? [first, second] : [second, first];
}
