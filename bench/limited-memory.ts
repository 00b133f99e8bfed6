/**
 * Brokers in little memory: three of them, each in a control group of 256 MiB (Linux, as root; without one only the resident
 * memory is watched), set up as the Kubernetes manifests do it, under more load than such brokers are meant for: producers at
 * full speed, readers of everything from the beginning, 200 partitions, compaction, groups that commit. Prints the peaks, and
 * whether the kernel killed a broker.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { YakClient } from '#client';
import { isInstalled } from '../test/e2e/support/commands.js';
import { LocalCluster } from '../test/e2e/support/local-cluster.js';
import { seams } from '../test/e2e/support/seams.js';
import { newClient, residentMiB, row } from './measure.js';

const LIMIT_MIB = Number(process.env['LIMIT_MIB'] ?? 256);
const SECONDS = Number(process.env['SECONDS'] ?? 40);
const PRODUCERS = 3;
const KCAT_READERS = 25;
const OWN_READERS = 25;
const GROUPS = 10;
const RECORD_BYTES = 1_024;
/** Sent again and again by each producer. */
const PIECE_BYTES = 32 << 20;
/** As k8s/20-config.yaml sets them; the heap's flags below are those of the image. CONFIGS=name=value,… overrides. */
const CONFIGS = [
  'socket.request.max.bytes=16777216',
  'fetch.max.bytes=8388608',
  'replica.fetch.response.max.bytes=2097152',
  'log.cleaner.dedupe.buffer.size=8388608',
  'log.segment.bytes=134217728',
  'broker.session.timeout.ms=6000',
  // What a process finds by itself when it begins inside of the limit.
  `queued.max.request.bytes=${(LIMIT_MIB << 20) / 16}`,
  `tail.cache.max.bytes=${(LIMIT_MIB << 20) / 32}`,
  ...(process.env['CONFIGS']?.split(',') ?? []),
];
const CGROUPS = '/sys/fs/cgroup/memory';

/** One broker's control group (version 1); null where there are none. */
class MemoryGroup {
  private constructor(private readonly folder: string) {}

  static around(pid: number): MemoryGroup | null {
    const folder = join(CGROUPS, `yak-bench-${pid}`);
    try {
      mkdirSync(folder);
      writeFileSync(join(folder, 'memory.limit_in_bytes'), String(LIMIT_MIB << 20));
      writeFileSync(join(folder, 'cgroup.procs'), String(pid));
    } catch {
      return null;
    }
    return new MemoryGroup(folder);
  }

  /** How often the limit was reached: the kernel then takes back page cache, and kills only when that is not enough. */
  get limitHits(): number {
    return Number(readFileSync(join(this.folder, 'memory.failcnt'), 'utf8'));
  }

  get kills(): number {
    return Number(/oom_kill (\d+)/.exec(readFileSync(join(this.folder, 'memory.oom_control'), 'utf8'))?.[1] ?? 0);
  }

  remove(): void {
    rmdirSync(this.folder);
  }
}

/** Residents of one broker over time: all of it, the heap of JavaScript, and buffers outside of it. */
interface Peaks {
  rss: number;
  heap: number;
  external: number;
}

async function watch(cluster: LocalCluster, id: number, pid: number, peaks: Peaks, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    try {
      peaks.rss = Math.max(peaks.rss, residentMiB(pid));
    } catch {
      return;
    }
    const metrics = await fetch(`http://127.0.0.1:${cluster.ports.http + id}/metrics`).then(
      (response) => response.text(),
      () => '',
    );
    const of = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? 0) / 2 ** 20;
    peaks.heap = Math.max(peaks.heap, of('nodejs_heap_size_used_bytes'));
    peaks.external = Math.max(peaks.external, of('nodejs_external_memory_bytes'));
    await sleep(200);
  }
}

/** kcat at full speed, fed with the same lines over and over. */
function produceWithKcat(cluster: LocalCluster, topic: string, piece: string, isOver: () => boolean, keyed: boolean): ChildProcess {
  const keys = keyed ? ['-K', ':'] : [];
  const kcat = spawn('kcat', ['-P', '-b', cluster.kafka, '-t', topic, ...keys, '-X', 'acks=all'], { stdio: ['pipe', 'ignore', 'ignore'] });
  kcat.stdin!.on('error', () => {});
  const feed = (): void => {
    if (isOver()) return void kcat.stdin!.end();
    createReadStream(piece).on('end', feed).pipe(kcat.stdin!, { end: false });
  };
  feed();
  return kcat;
}

async function readWithOwnClient(client: YakClient, topic: string, isOver: () => boolean): Promise<number> {
  let records = 0;
  for await (const batch of client.consumer({ topic, from: 'earliest' })) {
    records += batch.length;
    if (isOver()) break;
  }
  return records;
}

async function commitInGroup(client: YakClient, groupId: string, topic: string, isOver: () => boolean): Promise<void> {
  const member = client.groupConsumer({ groupId, topics: [topic], autoCommitIntervalMs: 200 });
  for await (const _batch of member) if (isOver()) break;
  await member.close();
}

function writePieces(folder: string): { load: string; keyed: string } {
  const lines: string[] = [];
  for (let bytes = 0; bytes < PIECE_BYTES; bytes += RECORD_BYTES) lines.push(seams.random.bytes((RECORD_BYTES * 3) / 4).toString('base64'));
  const load = join(folder, 'load.txt');
  const keyed = join(folder, 'keyed.txt');
  writeFileSync(load, `${lines.join('\n')}\n`);
  writeFileSync(keyed, `${lines.map((line, index) => `key-${index % 20_000}:${line}`).join('\n')}\n`);
  return { load, keyed };
}

export async function limitedMemory(): Promise<void> {
  if (!(await isInstalled('kcat'))) return row('memory-limit', 'skipped: kcat is not installed (Debian package kcat)');
  process.env['NODE_OPTIONS'] = process.env['BROKER_NODE_OPTIONS'] ?? `--max-old-space-size=${LIMIT_MIB / 2} --max-semi-space-size=2`;
  process.env['MALLOC_ARENA_MAX'] ??= '2';
  const cluster = await LocalCluster.start({ args: ['--no-restart', ...CONFIGS.flatMap((config) => ['--set', config])] });
  delete process.env['NODE_OPTIONS'];
  const ids = [0, 1, 2];
  const pids = ids.map((id) => cluster.pid('broker', id));
  const groups = pids.map((pid) => (existsSync(CGROUPS) ? MemoryGroup.around(pid) : null));
  const peaks: Peaks[] = ids.map(() => ({ rss: 0, heap: 0, external: 0 }));
  const client = newClient(cluster);
  const compacted = { 'cleanup.policy': 'compact', 'segment.bytes': '4194304', 'min.cleanable.dirty.ratio': '0.1' };
  await client.admin.createTopics({ topics: [{ name: 'load', partitions: 100, replicationFactor: 3 }] });
  await client.admin.createTopics({ topics: [{ name: 'keyed', partitions: 50, replicationFactor: 3, configs: compacted }] });
  const pieces = writePieces(cluster.folder);
  let isOver = false;
  const over = (): boolean => isOver;
  const watching = ids.map((id) => watch(cluster, id, pids[id]!, peaks[id]!, over));
  const children = Array.from({ length: PRODUCERS }, () => produceWithKcat(cluster, 'load', pieces.load, over, false));
  children.push(produceWithKcat(cluster, 'keyed', pieces.keyed, over, true));
  await sleep(5_000);
  for (let i = 0; i < KCAT_READERS; i++) {
    children.push(
      spawn('kcat', ['-C', '-q', '-b', cluster.kafka, '-t', 'load', '-o', 'beginning'], { stdio: ['ignore', 'ignore', 'ignore'] }),
    );
  }
  const clients = Array.from({ length: OWN_READERS + GROUPS }, () => newClient(cluster));
  const readers = clients.map((each, i) =>
    (i < OWN_READERS ? readWithOwnClient(each, 'load', over) : commitInGroup(each, `g${i}`, 'keyed', over)).catch(() => 0),
  );
  await sleep(SECONDS * 1_000);
  const topics = await client.admin.describeTopics(['load']).catch(() => []);
  const outOfSync = topics.flatMap(({ partitions }) => partitions).filter(({ isr }) => isr.length < 3).length;
  isOver = true;
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(clients.map((each) => each.close()));
  await Promise.all([...readers, ...watching]);
  for (const id of ids) {
    const { rss, heap, external } = peaks[id]!;
    const group = groups[id];
    const limit = group ? `; the limit was reached ${group.limitHits} times, killed ${group.kills} times` : '; no control group';
    const isGone = cluster.events.some((event) => event.event === 'exited' && event.pid === pids[id]);
    row(
      `broker ${id} in ${LIMIT_MIB} MiB, peaks`,
      `resident ${rss.toFixed(0)}, heap ${heap.toFixed(0)}, external ${external.toFixed(0)} MiB${limit}${isGone ? '; IT DIED' : ''}`,
    );
  }
  row('  replicas out of sync at the end', String(outOfSync));
  await client.close();
  await cluster.destroy();
  for (const group of groups) group?.remove();
}
