import type { ProcessMessage, SupervisorMessage } from '#config';
import type { Cancellable } from '#seams';
import { type ClusterPlan, type ProcessPlan, planCluster, UP_DEFAULTS } from './cluster-plan.js';
import { jsonEvent, readableEvent } from './report.js';
import { type ProcessListener, Supervisor, type SupervisorEvent } from './supervisor.js';

const OPTIONS = { ...UP_DEFAULTS, metadata: null, data: '/srv/yak', advertisedHost: null, configPath: null, settings: [] as string[] };

/** Time that passes when it is told to. */
class ManualTime {
  now = 0;
  private tasks: { at: number; run: () => void; isCancelled: boolean }[] = [];
  monotonicMs = () => this.now;
  wallMs = () => this.now;
  after = (delayMs: number, run: () => void): Cancellable => {
    const task = { at: this.now + delayMs, run, isCancelled: false };
    this.tasks.push(task);
    return { cancel: () => (task.isCancelled = true) };
  };
  endOfTurn = (run: () => void) => void this.after(0, run);

  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const next = this.tasks.filter((task) => !task.isCancelled && task.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.tasks.splice(this.tasks.indexOf(next), 1);
      this.now = Math.max(this.now, next.at);
      next.run();
    }
    this.now = end;
  }
}

interface FakeProcess {
  readonly plan: ProcessPlan;
  readonly pid: number;
  readonly listener: ProcessListener;
  readonly received: (SupervisorMessage | string)[];
}

class Bench {
  readonly time = new ManualTime();
  readonly plan: ClusterPlan;
  readonly started: FakeProcess[] = [];
  readonly events: SupervisorEvent[] = [];
  readonly supervisor: Supervisor;

  constructor(restart = true, coordinators = 1) {
    this.plan = planCluster({ ...OPTIONS, brokers: 2, coordinators });
    const start = (plan: ProcessPlan, listener: ProcessListener) => {
      const fake: FakeProcess = { plan, pid: 100 + this.started.length, listener, received: [] };
      this.started.push(fake);
      return {
        pid: fake.pid,
        send: (message: SupervisorMessage) => void fake.received.push(message),
        kill: (signal: string) => void fake.received.push(signal),
      };
    };
    const options = { restart, onEvent: (event: SupervisorEvent) => void this.events.push(event) };
    this.supervisor = new Supervisor(this.plan.processes, options, { clock: this.time, scheduler: this.time, start });
    this.supervisor.start();
  }

  latest(name: string): FakeProcess {
    return this.started.filter((one) => one.plan.name === name).at(-1)!;
  }
  say(name: string, message: ProcessMessage): void {
    this.latest(name).listener.onMessage(message);
  }
  serve(name: string): void {
    const { plan, pid } = this.latest(name);
    const [kafka, , tcp, http] = plan.app === 'broker' ? plan.ports : [undefined, undefined, ...plan.ports];
    const at = (port: { port: number }) => `127.0.0.1:${port.port}`;
    this.say(name, { type: 'ready', clusterId: 'C', pid, tcp: at(tcp!), http: at(http!), ...(kafka ? { kafka: at(kafka) } : {}) });
  }
  serveAll(): void {
    for (const { name } of this.plan.processes) this.serve(name);
  }
  exit(name: string, code: number | null, signal: string | null = null): void {
    this.latest(name).listener.onExit(code, signal);
  }
  starts(name: string): number {
    return this.started.filter((one) => one.plan.name === name).length;
  }
  json(kind: SupervisorEvent['kind']): unknown[] {
    return this.events.filter((event) => event.kind === kind).map((event) => jsonEvent(event, this.plan));
  }
}

describe('Supervisor', () => {
  it('is ready once, when all serve, in the documented shape', () => {
    const bench = new Bench();
    bench.serve('broker-1');
    bench.say('coordinator', { type: 'state', state: 'active', coordinatorEpoch: 1, reason: null });
    bench.serve('coordinator');
    expect(bench.json('ready')).toEqual([]);
    bench.serve('broker-0');
    expect(bench.json('ready')).toEqual([
      {
        event: 'ready',
        clusterId: 'C',
        data: '/srv/yak',
        coordinators: [{ id: 0, pid: 100, tcp: '127.0.0.1:3180', http: '127.0.0.1:8180', state: 'active' }],
        brokers: [
          { id: 0, pid: 101, tcp: '127.0.0.1:3125', kafka: '127.0.0.1:9092', http: '127.0.0.1:8080' },
          { id: 1, pid: 102, tcp: '127.0.0.1:3126', kafka: '127.0.0.1:9093', http: '127.0.0.1:8081' },
        ],
      },
    ]);
    bench.exit('broker-0', null, 'SIGKILL');
    bench.time.advance(1_000);
    bench.serve('broker-0');
    expect(bench.json('ready')).toHaveLength(1);
  });

  it('starts a dead process again after a second, with the documented events', () => {
    const bench = new Bench();
    bench.serveAll();
    bench.exit('broker-0', null, 'SIGKILL');
    expect(bench.json('exited')).toEqual([{ event: 'exited', app: 'broker', id: 0, pid: 101, signal: 'SIGKILL' }]);
    bench.time.advance(999);
    expect(bench.starts('broker-0')).toBe(1);
    bench.time.advance(1);
    expect(bench.json('started').at(-1)).toEqual({ event: 'started', app: 'broker', id: 0, pid: 103 });
    bench.exit('coordinator', 1);
    expect(bench.json('exited').at(-1)).toEqual({ event: 'exited', app: 'coordinator', id: 0, pid: 100, code: 1 });
  });

  it('waits twice as long each time up to 30 s while it dies without having served, and forgets once it served', () => {
    const bench = new Bench();
    bench.serveAll();
    const waits = () => bench.events.flatMap((event) => (event.kind === 'restart' ? [event.inMs] : []));
    for (let death = 0; death < 7; death++) {
      bench.exit('broker-0', 1);
      bench.time.advance(waits().at(-1)!);
    }
    expect(waits()).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    bench.serve('broker-0');
    bench.exit('broker-0', 1);
    expect(waits().at(-1)).toBe(1_000);
  });

  it('with --no-restart leaves it dead, and ends when nobody is left', async () => {
    const bench = new Bench(false);
    bench.serveAll();
    bench.exit('broker-0', null, 'SIGKILL');
    bench.time.advance(100_000);
    expect(bench.starts('broker-0')).toBe(1);
    bench.exit('broker-1', null, 'SIGKILL');
    bench.exit('coordinator', null, 'SIGKILL');
    expect(await bench.supervisor.outcome).toMatchObject({ kind: 'failed', message: expect.stringMatching(/no process is left/) });
  });

  it('hands leaders on', () => {
    const bench = new Bench();
    bench.serveAll();
    bench.say('coordinator', { type: 'leader', topic: 't', partition: 0, leader: 1, leaderEpoch: 4 });
    expect(bench.json('leader')).toEqual([{ event: 'leader', topic: 't', partition: 0, leader: 1, leaderEpoch: 4 }]);
    expect(readableEvent(bench.events.at(-1)!, bench.plan)).toBe('t-0: broker 1 leads (epoch 4)');
  });

  it('R28: stops brokers first and without hand-over, the coordinator last', async () => {
    const bench = new Bench();
    bench.serveAll();
    bench.supervisor.stop();
    expect(bench.latest('broker-0').received).toEqual([{ type: 'stop', handOver: false }]);
    bench.exit('broker-0', 0);
    expect(bench.latest('coordinator').received).toEqual([]);
    bench.exit('broker-1', 0);
    expect(bench.latest('coordinator').received).toEqual([{ type: 'stop', handOver: false }]);
    bench.exit('coordinator', 0);
    expect(await bench.supervisor.outcome).toEqual({ kind: 'stopped', killed: [] });
  });

  it('R28: stops several coordinators together, each asked once', async () => {
    const bench = new Bench(true, 3);
    bench.serveAll();
    bench.supervisor.stop();
    bench.exit('broker-0', 0);
    bench.exit('broker-1', 0);
    const names = ['coordinator-0', 'coordinator-1', 'coordinator-2'];
    const asked = () => names.map((name) => bench.latest(name).received);
    expect(asked()).toEqual(names.map(() => [{ type: 'stop', handOver: false }]));
    bench.exit('coordinator-1', 0);
    expect(asked()).toEqual(names.map(() => [{ type: 'stop', handOver: false }]));
    bench.exit('coordinator-0', 0);
    bench.exit('coordinator-2', 0);
    expect(await bench.supervisor.outcome).toEqual({ kind: 'stopped', killed: [] });
  });

  it('tells who acts and who stands by, at the start and whenever that changes', () => {
    const bench = new Bench(true, 2);
    bench.say('coordinator-0', { type: 'state', state: 'bootstrapping', coordinatorEpoch: 1, reason: 'waits' });
    bench.say('coordinator-1', { type: 'state', state: 'standby', coordinatorEpoch: -1, reason: 'coordinator 0 at a:1 acts' });
    // It stands by since before there was a cluster.
    const { pid, listener } = bench.latest('coordinator-1');
    listener.onMessage({ type: 'ready', clusterId: '', pid, tcp: '127.0.0.1:3181', http: '127.0.0.1:8181' });
    bench.say('coordinator-0', { type: 'state', state: 'active', coordinatorEpoch: 1, reason: null });
    for (const name of ['coordinator-0', 'broker-0', 'broker-1']) bench.serve(name);
    expect(bench.json('ready')).toMatchObject([{ clusterId: 'C', coordinators: [{ state: 'active' }, { state: 'standby' }] }]);
    const block = readableEvent(bench.events.find((event) => event.kind === 'ready')!, bench.plan)!;
    expect(block).toMatch(/coordinator 0 .*pid 100 {2}acts\n {2}coordinator 1 .*pid 101 {2}stands by\n/);

    bench.exit('coordinator-0', null, 'SIGKILL');
    bench.say('coordinator-1', { type: 'state', state: 'active', coordinatorEpoch: 2, reason: null });
    expect(bench.json('state').at(-1)).toEqual({
      event: 'state',
      app: 'coordinator',
      id: 1,
      state: 'active',
      coordinatorEpoch: 2,
      reason: null,
    });
    const lines = bench.events.filter((event) => event.kind === 'state').map((event) => readableEvent(event, bench.plan));
    expect(lines).toEqual([
      'coordinator-0 waits for the brokers of a new cluster',
      'coordinator-1 stands by: coordinator 0 at a:1 acts',
      'coordinator-0 acts (coordinator epoch 1)',
      'coordinator-1 acts (coordinator epoch 2)',
    ]);
  });

  it('kills who does not stop, all within 5 s', async () => {
    const bench = new Bench();
    bench.serveAll();
    bench.supervisor.stop();
    bench.exit('broker-0', 0);
    bench.time.advance(3_500);
    expect(bench.latest('broker-1').received.at(-1)).toBe('SIGKILL');
    bench.exit('broker-1', null, 'SIGKILL');
    bench.time.advance(1_000);
    expect(bench.latest('coordinator').received).toEqual([{ type: 'stop', handOver: false }, 'SIGKILL']);
    bench.exit('coordinator', null, 'SIGKILL');
    expect(await bench.supervisor.outcome).toEqual({ kind: 'stopped', killed: ['broker-1', 'coordinator'] });
    expect(bench.time.now).toBeLessThan(5_000);
  });

  it('starts nothing again while it stops, nor what was waiting for its turn', async () => {
    const bench = new Bench();
    bench.serveAll();
    bench.exit('broker-0', 1);
    bench.supervisor.stop();
    bench.exit('broker-1', 0);
    bench.exit('coordinator', 0);
    bench.time.advance(60_000);
    expect(bench.started).toHaveLength(3);
    expect(await bench.supervisor.outcome).toEqual({ kind: 'stopped', killed: [] });
  });

  it('a start that a process calls hopeless ends the rest and is told in its words', async () => {
    const bench = new Bench();
    bench.serve('coordinator');
    bench.say('broker-1', { type: 'fatal', message: 'data folder /srv/yak/broker-1 belongs to cluster X' });
    bench.exit('broker-1', 1);
    expect(bench.latest('broker-0').received).toEqual([{ type: 'stop', handOver: false }]);
    bench.exit('broker-0', 0);
    bench.exit('coordinator', 0);
    expect(await bench.supervisor.outcome).toEqual({ kind: 'failed', message: 'data folder /srv/yak/broker-1 belongs to cluster X' });
    expect(bench.started).toHaveLength(3);
  });

  it('the same word from a process that was restarted later does not end the cluster', () => {
    const bench = new Bench();
    bench.serveAll();
    bench.exit('broker-1', null, 'SIGKILL');
    bench.time.advance(1_000);
    bench.say('broker-1', { type: 'fatal', message: 'port 9093 is in use' });
    bench.exit('broker-1', 1);
    expect(bench.json('complaint')).toEqual([{ event: 'complaint', app: 'broker', id: 1, message: 'port 9093 is in use' }]);
    bench.time.advance(2_000);
    expect(bench.starts('broker-1')).toBe(3);
    expect(bench.latest('broker-0').received).toEqual([]);
  });

  it('gives up on a process that dies three times before the cluster ever served', async () => {
    const bench = new Bench();
    for (const waitMs of [1_000, 2_000]) {
      bench.exit('broker-0', 139);
      bench.time.advance(waitMs);
    }
    bench.exit('broker-0', 139);
    bench.exit('broker-1', 0);
    bench.exit('coordinator', 0);
    expect(await bench.supervisor.outcome).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/broker-0 ended \(exit code 139\) before/),
    });
  });

  it('what a process of the past says changes nothing', () => {
    const bench = new Bench();
    bench.serveAll();
    const old = bench.latest('broker-0');
    bench.exit('broker-0', null, 'SIGKILL');
    bench.time.advance(1_000);
    const before = bench.events.length;
    old.listener.onMessage({ type: 'leader', topic: 't', partition: 0, leader: 0, leaderEpoch: 9 });
    old.listener.onExit(0, null);
    expect(bench.events).toHaveLength(before);
  });

  it('tells a person what to try next, with addresses where they are not the usual ones', () => {
    const bench = new Bench();
    bench.serveAll();
    const ready = bench.events.find((event) => event.kind === 'ready')!;
    const usual = readableEvent(ready, bench.plan)!;
    expect(usual).toContain('npx yak produce hello\n');
    expect(usual).toContain('broker 1       kafka 127.0.0.1:9093  tcp 127.0.0.1:3126  http 127.0.0.1:8081');
    const moved = readableEvent(ready, planCluster({ ...OPTIONS, brokers: 2, tcpPort: 4000 }))!;
    expect(moved).toContain('npx yak consume hello --from-beginning --bootstrap 127.0.0.1:4000,127.0.0.1:4001');
  });
});
