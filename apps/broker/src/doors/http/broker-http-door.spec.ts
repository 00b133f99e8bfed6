// The broker's HTTP door on 127.0.0.1, port 0, over a fake broker: probes by state, metrics, leaders as JSON and as events.
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import type { BrokerReport } from '#broker-core';
import { silentLogger } from '#seams';
import type { HttpDoor, LeaderView } from '../../../../shared/http-door/index.js';
import { LoopDelay } from '../../../../shared/http-door/index.js';
import { until } from '../../../../shared/testing/until.js';
import { openBrokerHttpDoor } from './broker-http-door.js';
import { brokerMetrics } from './broker-metrics.js';

const active: BrokerReport = {
  brokerId: 1,
  clusterId: 'c',
  state: 'active',
  brokerEpoch: 5,
  coordinatorEpoch: 2,
  metadataRevision: 9,
  lastHeartbeatSentAgeMs: 100,
  lastHeartbeatAnsweredAgeMs: 100,
  isDegraded: false,
  isStorageWedged: false,
  oldestSyncAgeMs: 0,
  partitions: { led: 1, followed: 2, outOfSync: 0, offline: 0 },
  recovery: { done: 3, total: 3, bytesRead: 0 },
  failure: null,
};
const counters = {
  recordsAppended: 12,
  batchesAppended: 3,
  bytesAppended: 400,
  bytesFetched: 0,
  duplicatesAnswered: 0,
  truncations: 0,
  isrShrinks: 0,
  isrExpansions: 0,
  leadersGained: 1,
};

let door: HttpDoor;
let report: BrokerReport;
let probes = 0;
const listeners = new Set<(change: LeaderView) => void>();
const clients = { list: () => ({ clients: [], omitted: 3, silentBrokers: [] }) };
const groupReport = () => ({ shards: 2, loading: 1, groups: 3, offsets: 40 });
const broker = {
  report: () => report,
  counters: () => counters,
  probed: () => void probes++,
  clients,
  groupReport,
  cleanerStats: null,
  queued: { bytes: 5 },
};
const leaders = {
  clusterId: () => 'c',
  revision: () => 9,
  leaders: () => [{ topic: 't', partition: 0, leader: 1, leaderEpoch: 4 }],
  onChange: (listener: (change: LeaderView) => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

beforeEach(async () => {
  report = active;
  probes = 0;
  door = await openBrokerHttpDoor(
    { address: { host: '127.0.0.1', port: 0 }, hostNames: ['yak-0.local'], logger: silentLogger },
    broker,
    leaders,
  );
});
afterEach(() => door.close());

function get(path: string, options: { method?: string; host?: string } = {}): Promise<{ status: number; type: string; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = options.host ? { host: options.host } : {};
    const call = request(
      { host: '127.0.0.1', port: door.address.port, path, method: options.method ?? 'GET', headers, agent: false },
      (answer) => {
        let body = '';
        answer.on('data', (chunk) => (body += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode!, type: answer.headers['content-type'] ?? '', body }));
      },
    );
    call.on('error', reject).end();
  });
}

const probe = async (path: string, state: Partial<BrokerReport>) => {
  report = { ...active, ...state };
  const { status, body } = await get(path);
  const content = JSON.parse(body) as { reasons: string[]; brokerEpoch: number; lastHeartbeatAnsweredAgeMs: number; loopDelay: object };
  return { ...content, status };
};

it('R21: liveness and readiness outlive the cluster coordinator; wedged storage and a failed folder do not pass', async () => {
  expect(await probe('/livez', { isDegraded: true, lastHeartbeatAnsweredAgeMs: 60_000 })).toMatchObject({ status: 200 });
  expect(await probe('/readyz', { isDegraded: true, lastHeartbeatAnsweredAgeMs: 60_000 })).toMatchObject({ status: 200 });
  expect(await probe('/livez', { isStorageWedged: true, oldestSyncAgeMs: 31_000 })).toMatchObject({
    status: 503,
    reasons: ['storage is wedged: the oldest sync runs for 31000 ms'],
  });
  expect(await probe('/livez', { state: 'failed', failure: 'EIO' })).toMatchObject({ status: 503, reasons: ['failed: EIO'] });
  expect(await probe('/livez', { state: 'fenced' })).toMatchObject({ status: 200, brokerEpoch: 5, lastHeartbeatAnsweredAgeMs: 100 });
  expect(probes).toBe(4);
});

it('is ready when registered, recovered and in sync, and says what is missing', async () => {
  expect((await probe('/readyz', {})).status).toBe(200);
  const partitions = { led: 0, followed: 3, outOfSync: 2, offline: 1 };
  expect(await probe('/readyz', { state: 'fenced', partitions })).toMatchObject({
    status: 503,
    reasons: [expect.stringContaining('fenced'), '2 replicas are not in sync', '1 replicas are offline'],
  });
  const recovering = { state: 'recovering', recovery: { done: 1, total: 3, bytesRead: 5 << 20 } } as const;
  expect(await probe('/readyz', recovering)).toMatchObject({ status: 503 });
  expect(await probe('/startupz', recovering)).toMatchObject({
    status: 503,
    reasons: ['recovering: 1 of 3 partitions, 5 MiB looked through'],
  });
  expect(await probe('/startupz', { state: 'registering' })).toMatchObject({ status: 200 });
});

it('publishes metrics in Prometheus text, each of them documented', async () => {
  const { type, body } = await get('/metrics');
  expect(type).toContain('text/plain');
  expect(body).toMatch(/^yak_broker_records_appended_total 12$/m);
  expect(body).toMatch(/^yak_broker_state\{state="active"\} 1$/m);
  expect(body).toMatch(/^yak_broker_partitions\{kind="followed"\} 2$/m);
  expect(body).toMatch(/^process_resident_memory_bytes \d+/m);
  expect((await get('/metrics')).body).toMatch(/^yak_broker_records_appended_total 12$/m);
  expect(body).toMatch(/^yak_broker_group_shards\{state="loading"\} 1$/m);
  expect(body).toMatch(/^yak_broker_group_offsets 40$/m);
  expect(body).toMatch(/^yak_broker_queued_bytes 5$/m);
  const loopDelay = new LoopDelay();
  const page = readFileSync('docs/metrics.md', 'utf8');
  for (const name of brokerMetrics(broker, loopDelay).names()) {
    if (name.startsWith('yak_')) expect(page).toContain(`\`${name}\``);
  }
  loopDelay.stop();
});

it('shows who is connected to this broker', async () => {
  expect(JSON.parse((await get('/v1/clients')).body)).toEqual({ clients: [], omitted: 3, silentBrokers: [] });
});

it('shows leaders as JSON, and as server-sent events from the whole state on', async () => {
  expect(JSON.parse((await get('/v1/leaders')).body)).toEqual({ clusterId: 'c', revision: 9, leaders: leaders.leaders() });
  const received: string[] = [];
  const closed = new Promise<void>((resolve) => {
    const call = request({
      host: '127.0.0.1',
      port: door.address.port,
      path: '/v1/leaders',
      headers: { accept: 'text/event-stream' },
      agent: false,
    });
    call.on('response', (answer) => answer.on('data', (chunk) => received.push(String(chunk))).on('close', resolve));
    call.on('error', () => resolve()).end();
  });
  await until(() => listeners.size > 0 && received.length > 0);
  for (const listener of listeners) listener({ topic: 't', partition: 0, leader: 2, leaderEpoch: 5 });
  await until(() => received.join('').includes('event: leader\n'));
  expect(received.join('')).toBe(
    `event: leaders\nid: 9\ndata: ${JSON.stringify({ clusterId: 'c', revision: 9, leaders: leaders.leaders() })}\n\n` +
      'event: leader\nid: 9\ndata: {"topic":"t","partition":0,"leader":2,"leaderEpoch":5}\n\n',
  );
  await door.close();
  await closed;
  expect(listeners.size).toBe(0);
});

it('only reads, knows its paths, and refuses foreign host names on a loopback address', async () => {
  expect((await get('/livez', { method: 'POST' })).status).toBe(405);
  expect((await get('/livez', { method: 'HEAD' })).status).toBe(200);
  expect(JSON.parse((await get('/nothing')).body).paths).toContain('/readyz');
  expect((await get('/constructor')).status).toBe(404);
  for (const host of ['evil.example', 'evil.example:8080', 'localhost.evil.example'])
    expect((await get('/metrics', { host })).status).toBe(421);
  for (const host of ['localhost:1', '127.0.0.1:1', '[::1]:1', 'yak-0.local']) expect((await get('/livez', { host })).status).toBe(200);
});
