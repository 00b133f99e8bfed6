import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planCluster, UP_DEFAULTS } from './cluster-plan.js';
import { RotatingLog } from './rotating-log.js';
import { checkPorts, claimDataFolder } from './start-checks.js';
import { folderProblem } from './store-check.js';

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

describe('a shared store and the data folder', () => {
  const where = { data: '/srv/yak', store: 'redis://r under the name yak' };

  it('belong together: an empty store begins or recovers a cluster, one that is full wants the brokers that it knows', () => {
    expect(folderProblem(null, [], where)).toBeNull();
    expect(folderProblem(null, ['A'], where)).toBeNull();
    expect(folderProblem('A', ['A'], where)).toBeNull();
    expect(folderProblem('A', [], where)).toMatch(/holds the metadata of cluster A, but data folder \/srv\/yak has no broker of it/);
    expect(folderProblem('A', ['B'], where)).toMatch(/but data folder \/srv\/yak belongs to cluster B; choose that cluster's folder/);
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
