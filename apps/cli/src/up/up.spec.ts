import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProcessMessage, SupervisorMessage } from '#config';
import type { Cancellable } from '#seams';
import { type ClusterPlan, type ProcessPlan, planCluster, UP_DEFAULTS } from './cluster-plan.js';
import { jsonEvent, readableEvent } from './report.js';
import { RotatingLog } from './rotating-log.js';
import { checkPorts, claimDataFolder } from './start-checks.js';
import { type ProcessListener, Supervisor, type SupervisorEvent } from './supervisor.js';

const OPTIONS = { ...UP_DEFAULTS, metadata: null, data: '/srv/yak', advertisedHost: null, configPath: null, settings: [] as string[] };

function temporaryFolder(): string {
  return fs.mkdtempSync(join(tmpdir(), 'yak-up-'));
}

describe('planCluster', () => {
  it('gives broker n each base port + n, replication 100 above, the coordinator its HTTP door 5000 above', () => {
    const plan = planCluster(OPTIONS);
    expect(plan.processes.map((one) => [one.name, one.ports.map((port) => port.port)])).toEqual([
      ['coordinator', [3180, 8180]],
      ['broker-0', [9092, 9192, 3125, 8080]],
      ['broker-1', [9093, 9193, 3126, 8081]],
      ['broker-2', [9094, 9194, 3127, 8082]],
    ]);
    expect(plan.processes[2]!.args.join(' ')).toBe(
      '--id 1 --data /srv/yak/broker-1 --host 127.0.0.1 --kafka-port 9093 --replication-port 9193 --tcp-port 3126 --http-port 8081 --coordinators 127.0.0.1:3180 --json',
    );
    expect(plan.processes[0]!.args.join(' ')).toBe(
      '--id 0 --data /srv/yak/coordinator --host 127.0.0.1 --tcp-port 3180 --http-port 8180 --brokers 0,1,2 --json',
    );
  });

  it('hands configs to every process and reaches a cluster that binds everything through loopback', () => {
    const plan = planCluster({
      ...OPTIONS,
      host: '0.0.0.0',
      advertisedHost: 'here',
      configPath: '/etc/yak.conf',
      settings: ['num.partitions=1'],
    });
    for (const one of plan.processes) {
      expect(one.args.join(' ')).toContain('--host 0.0.0.0 --advertised-host here');
      expect(one.args.join(' ')).toContain('--config /etc/yak.conf --set num.partitions=1');
    }
    expect(plan.processes[1]!.args.join(' ')).toContain('--coordinators 127.0.0.1:3180');
  });

  it('gives coordinator n its base port + n, and every broker the addresses of all', () => {
    const plan = planCluster({ ...OPTIONS, coordinators: 3, brokers: 1 });
    expect(plan.processes.map((one) => [one.name, one.ports[0]!.port, one.ports.at(-1)!.port])).toEqual([
      ['coordinator-0', 3180, 8180],
      ['coordinator-1', 3181, 8181],
      ['coordinator-2', 3182, 8182],
      ['broker-0', 9092, 8080],
    ]);
    expect(plan.processes[1]!.args.join(' ')).toContain('--id 1 --data /srv/yak/coordinator-1 ');
    expect(plan.processes[3]!.args.join(' ')).toContain('--coordinators 127.0.0.1:3180,127.0.0.1:3181,127.0.0.1:3182');
  });

  it('hands what is sensitive to coordinators by their environment, and to brokers not at all', () => {
    const settings = ['num.partitions=1', 'metadata.password=hunter2', 'metadata.name=test'];
    const { processes } = planCluster({ ...OPTIONS, metadata: 'redis://yak:hunter3@r', settings });
    expect(processes[0]!.environment).toEqual({ YAK_METADATA_URL: 'redis://yak:hunter3@r', YAK_METADATA_PASSWORD: 'hunter2' });
    expect(processes[1]!.environment).toEqual({ YAK_METADATA_URL: undefined, YAK_METADATA_PASSWORD: undefined });
    for (const { args } of processes) {
      expect(args.join(' ')).not.toMatch(/hunter|redis/);
      expect(args.join(' ')).toContain('--set num.partitions=1 --set metadata.name=test');
    }
  });

  it('refuses ports that collide or do not exist, naming the options', () => {
    expect(() => planCluster({ ...OPTIONS, httpPort: 9093 })).toThrow(
      /port 9093 would be both the HTTP door of broker 0 and the Kafka door of broker 1; change --http-port or --kafka-port/,
    );
    expect(() => planCluster({ ...OPTIONS, coordinatorPort: 61_000 })).toThrow(
      /HTTP door of the coordinator would need port 66000, above 65535; lower --coordinator-port/,
    );
  });
});

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

describe('before anything is started', () => {
  const freeLock = { lock: async () => ({ release: async () => {} }) };

  it('a data folder that is a file, or held by another supervisor, is one clear sentence', async () => {
    const folder = temporaryFolder();
    fs.writeFileSync(join(folder, 'file'), '');
    await expect(claimDataFolder(join(folder, 'file'), freeLock)).rejects.toThrow(
      /data folder .*file cannot be used: it is not a folder; choose another with --data/,
    );
    await expect(claimDataFolder(join(folder, 'file', 'below'), freeLock)).rejects.toThrow(/it is not a folder/);
    await expect(claimDataFolder(folder, { lock: async () => null })).rejects.toThrow(/in use by a running cluster; stop it first/);
    await claimDataFolder(join(folder, 'new', 'one'), freeLock);
    expect(fs.readdirSync(join(folder, 'new', 'one'))).toEqual([]);
  });

  it('the same folder by another path is the same lock', async () => {
    const folder = temporaryFolder();
    fs.symlinkSync(folder, `${folder}-link`);
    const names: string[] = [];
    const disk = {
      lock: async (name: string) => {
        names.push(name);
        return { release: async () => {} };
      },
    };
    await claimDataFolder(folder, disk);
    await claimDataFolder(`${folder}-link`, disk);
    expect(new Set(names).size).toBe(1);
  });

  it('a used port is named with its purpose and the option that moves it', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const plan = {
      ...planCluster(OPTIONS),
      processes: [
        { ...planCluster(OPTIONS).processes[1]!, ports: [{ port, purpose: 'the Kafka door of broker 0', flag: '--kafka-port' }] },
      ],
    };
    await expect(checkPorts(plan)).rejects.toThrow(
      `127.0.0.1:${port} is already in use; the Kafka door of broker 0 needs it. Is YaK running already? --kafka-port moves it`,
    );
    await new Promise((resolve) => server.close(resolve));
    await checkPorts({ ...plan, processes: plan.processes.map((one) => ({ ...one, ports: [{ ...one.ports[0]!, port: 0 }] })) });
  });
});

describe('RotatingLog', () => {
  it('keeps a bounded number of bounded files, newest first', () => {
    const folder = temporaryFolder();
    const log = new RotatingLog(folder, 'broker-0', { fileBytesMax: 10, filesKept: 3 });
    for (const line of ['aaaa\n', 'bbbb\n', 'cccc\n', 'dddd\n', 'eeee\n', 'ffff\n', 'gggg\n']) log.write(Buffer.from(line));
    log.close();
    expect(fs.readdirSync(folder).sort()).toEqual(['broker-0.1.log', 'broker-0.2.log', 'broker-0.log']);
    expect(fs.readFileSync(join(folder, 'broker-0.log'), 'utf8')).toBe('gggg\n');
    expect(fs.readFileSync(join(folder, 'broker-0.1.log'), 'utf8')).toBe('eeee\nffff\n');
    expect(fs.readFileSync(join(folder, 'broker-0.2.log'), 'utf8')).toBe('cccc\ndddd\n');
  });

  it('goes on with the file of the run before, and survives a folder it cannot write', () => {
    const folder = temporaryFolder();
    fs.writeFileSync(join(folder, 'x.log'), 'before\n');
    const log = new RotatingLog(folder, 'x');
    log.write(Buffer.from('after\n'));
    log.close();
    expect(fs.readFileSync(join(folder, 'x.log'), 'utf8')).toBe('before\nafter\n');
    const impossible = new RotatingLog(join(folder, 'x.log'), 'y');
    impossible.write(Buffer.from('lost\n'));
    expect(impossible.droppedWrites).toBe(1);
  });
});
