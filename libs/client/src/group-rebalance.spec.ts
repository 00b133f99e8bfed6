import { partitionKey } from '#kernel';
import type { ConsumedRecord } from './contract.js';
import { FakeCluster } from './testing/fake-cluster.js';
import { isShared, Member, store } from './testing/group-member.js';

const PARTITIONS = 5;
const FAULTS = 25;

/** Members come, go, die and freeze, their coordinator moves, loads and freezes, leaders move, records keep coming. */
class Turmoil {
  readonly members: Member[] = [];
  readonly done = Array.from({ length: PARTITIONS }, () => new Set<number>());
  readonly problems: string[] = [];
  private readonly owners = new Map<string, string>();
  private readonly random;
  private recordsChecked = 0;
  private readonly committed = new Map<string, number>();
  private frozenBroker: number | null = null;

  constructor(
    private readonly cluster: FakeCluster,
    seed: number,
  ) {
    this.random = cluster.world.random.fork(`turmoil/${seed}`);
    cluster.world.onStep(() => this.check());
  }

  get living(): Member[] {
    return this.members.filter((member) => member.failure === null && !member.isDone && this.process(member).state === 'running');
  }

  async run(): Promise<void> {
    this.start();
    for (let fault = 0; fault < FAULTS; fault++) {
      for (let i = this.random.integer(4); i > 0; i--) this.produce();
      this.disturb();
      await this.cluster.world.runFor(this.random.integer(700));
    }
    this.heal();
    const isRead = () => this.done.every((offsets, partition) => offsets.size === this.cluster.partition('t', partition).endOffset);
    const isCommitted = () =>
      this.done.every((_, partition) => {
        return (this.cluster.groups.committed('g', 't', partition) ?? 0) === this.cluster.partition('t', partition).endOffset;
      });
    const isSettled = () => this.problems.length > 0 || (isRead() && isCommitted() && isShared(this.living, PARTITIONS));
    if (!(await this.cluster.world.runUntil(isSettled, 60_000))) {
      const read = this.done.map((offsets, partition) => `${offsets.size}/${this.cluster.partition('t', partition).endOffset}`);
      const { state, generationId } = this.cluster.groups.describe('g');
      const members = this.living.map((member) => `${member.name} ${member.partitions}`);
      this.problems.push(`not settled: read ${read}, group ${state} ${generationId}, ${members.join('; ')}`);
    }
    for (const member of this.members) if (member.failure !== null) this.problems.push(`${member.name} failed: ${member.failure}`);
  }

  private start(): void {
    const isManual = this.random.integer(2) === 0;
    const isStatic = this.random.integer(3) === 0;
    const name = `m${this.members.length}`;
    const member = new Member(this.cluster, name, {
      maxBytes: 500,
      partitionMaxBytes: 100,
      autoCommitIntervalMs: isManual ? null : 100 + this.random.integer(300),
      ...(isStatic ? { groupInstanceId: name } : {}),
    });
    member.workMs = this.random.integer(20);
    member.onBatchDone = (batch) => this.batchDone(batch);
    if (isManual) {
      member.body = async (batch) => {
        this.batchDone(batch);
        await member.consumer.commit().catch(() => {});
      };
    }
    member.consumer.onEvent((event) => {
      if (event.type !== 'assigned') return;
      for (const { topic, partition } of event.partitions) {
        const key = `${event.generationId}/${partitionKey(topic, partition)}`;
        const owner = this.owners.get(key) ?? event.memberId;
        if (owner !== event.memberId) this.problems.push(`H8: ${key} has two owners, ${owner} and ${event.memberId}`);
        this.owners.set(key, owner);
      }
    });
    this.members.push(member);
  }

  private batchDone(batch: readonly ConsumedRecord[]): void {
    for (const { partition, offset } of batch) this.done[partition]!.add(offset);
  }

  private produce(): void {
    const values = Array.from({ length: 1 + this.random.integer(5) }, (_, i) => `v${i}`);
    store(this.cluster, this.random.integer(PARTITIONS), values);
  }

  private disturb(): void {
    const { cluster, random } = this;
    const one = this.living[random.integer(Math.max(1, this.living.length))];
    const faults = [
      () => this.start(),
      () => this.start(),
      () => void one?.consumer.close(),
      () => one && this.process(one).kill({ isSilent: random.integer(2) === 0 }),
      () => this.freezeMember(one),
      () => this.moveCoordinator(),
      () => cluster.groups.load(true),
      () => cluster.groups.load(false),
      () => this.freezeBroker(),
      () => cluster.move('t', random.integer(PARTITIONS), random.integer(3)),
      () => one && cluster.world.network.cut(one.name, `b${cluster.groups.broker}`),
    ];
    faults[random.integer(faults.length)]!();
  }

  /** Not to one that is frozen: it could not have been elected. What it was sent before it froze is answered by a leader that is none. */
  private moveCoordinator(): void {
    const to = this.random.integer(3);
    if (to !== this.frozenBroker) this.cluster.groups.move(to);
  }

  private freezeMember(member: Member | undefined): void {
    if (member === undefined) return;
    const process = this.process(member);
    process.freeze();
    this.cluster.world.schedule(this.random.integer(3000), 'resume', () => process.resume());
  }

  private freezeBroker(): void {
    if (this.frozenBroker !== null) return;
    const frozen = this.cluster.groups.broker;
    this.frozenBroker = frozen;
    this.cluster.broker(frozen).freeze();
    this.cluster.moveAllFrom(frozen);
    this.cluster.groups.move((frozen + 1) % 3);
    this.cluster.world.schedule(500 + this.random.integer(2000), 'resume', () => {
      this.cluster.broker(frozen).resume();
      this.frozenBroker = null;
    });
  }

  private heal(): void {
    this.cluster.groups.load(false);
    this.start();
  }

  /** What was committed by now was done with, and never goes back. */
  private check(): void {
    const { records } = this.cluster.groups;
    for (; this.recordsChecked < records.length; this.recordsChecked++) {
      const record = records[this.recordsChecked]!;
      if (record.type !== 'offset' || record.value === null) continue;
      const { offset } = record.value;
      const key = partitionKey(record.topic, record.partition);
      const before = this.committed.get(key) ?? 0;
      if (offset < before) this.problems.push(`H8: ${key} was committed at ${before} and then at ${offset}`);
      this.committed.set(key, offset);
      for (let below = before; below < offset; below++) {
        if (!this.done[record.partition]!.has(below)) this.problems.push(`${key}: ${offset} was committed, ${below} is not done`);
      }
    }
  }

  private process(member: Member) {
    return this.cluster.world.process(member.name)!;
  }
}

describe('a group in turmoil', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'H8: one owner per partition and generation, commits only of what was done, nothing left out (seed %d)',
    async (seed) => {
      const cluster = await FakeCluster.start(seed, { t: PARTITIONS });
      const turmoil = new Turmoil(cluster, seed);
      await turmoil.run();
      expect(turmoil.problems).toEqual([]);
    },
  );
});
