// What people see of the cluster at a glance.
import type { DescribeClusterResponse } from '#rpc';
import { clusterText } from './cluster-text.js';

const NOW_MS = 1_767_225_600_000;
const coordinator = { id: 1, host: 'c1', port: 3180, coordinatorEpoch: 7, isSuspect: false, store: 'redis redis:6379' };
const broker: DescribeClusterResponse['brokers'][number] = {
  id: 0,
  brokerEpoch: 12,
  tcp: 'b0:3125',
  kafka: 'b0:9092',
  http: 'b0:8080',
  rack: null,
  state: 'active',
  isIntact: true,
  software: 'yak 0.1.0',
  lastHeartbeatAgeMs: 140,
};
const textOf = (change: Partial<DescribeClusterResponse>) =>
  clusterText({ clusterId: 'c', revision: 90, coordinator, brokers: [broker], ...change }, NOW_MS);

it('shows when each broker was last heard and last looked at', () => {
  const brokers = [
    { ...broker, lastProbeWallMs: NOW_MS - 3_000 },
    { ...broker, id: 1, lastProbeWallMs: 0, isIntact: false },
    { ...broker, id: 2, state: 'fenced' as const, lastHeartbeatAgeMs: null },
    { ...broker, id: 3, state: 'shutting-down' as const, lastProbeWallMs: NOW_MS + 5_000 },
  ];
  expect(textOf({ brokers }).split('\n').slice(-5)).toEqual([
    '  broker  state               epoch  kafka    tcp      http     rack  heartbeat   probed     software',
    '  0       active              12     b0:9092  b0:3125  b0:8080  -     140 ms ago  3.0 s ago  yak 0.1.0',
    '  1       active, not intact  12     b0:9092  b0:3125  b0:8080  -     140 ms ago  never      yak 0.1.0',
    '  2       fenced              12     b0:9092  b0:3125  b0:8080  -     ?           ?          yak 0.1.0',
    '  3       shutting-down       12     b0:9092  b0:3125  b0:8080  -     140 ms ago  0 ms ago   yak 0.1.0',
  ]);
});

it('shows who acts, who stands by and where the metadata is', () => {
  const lines = (change: object) =>
    textOf({ coordinator: { ...coordinator, ...change } })
      .split('\n')
      .slice(0, -2);
  const acts = ['cluster c, metadata revision 90', 'coordinator 1  tcp c1:3180  epoch 7'];
  expect(lines({})).toEqual([...acts, 'store       redis redis:6379']);
  expect(lines({ standbys: [] })).toEqual([...acts, 'standby     none', 'store       redis redis:6379']);
  const standbys = [{ id: 0, host: 'c0', port: 3180 }];
  expect(lines({ standbys, isSuspect: true })).toEqual([...acts, 'standby     0  tcp c0:3180', 'store       redis redis:6379, SUSPECT']);
});
