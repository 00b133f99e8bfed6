/**
 * The first minutes of a user, in real processes: start, create, produce, consume, describe, a Nest service, a killed leader,
 * a stop and a second start. Part of `npm test`; the long runs are in test/e2e.
 */
import { type ClientProxy, ClientProxyFactory, Transport } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { startYak, yak } from '../e2e/support/commands.js';
import { LocalCluster } from '../e2e/support/local-cluster.js';

let cluster: LocalCluster;

beforeAll(async () => {
  cluster = await LocalCluster.start();
}, 30_000);

afterAll(() => cluster?.destroy(), 20_000);

const onCluster = (...args: string[]): string[] => [...args, '--bootstrap', cluster.bootstrap.join(',')];

it('a topic that does not exist is created by its first use, with 3 partitions on 3 brokers', async () => {
  const produced = await yak(onCluster('produce', 'first', '--json'), { inputText: 'hello\nworld\n' });
  expect(JSON.parse(produced.stdout.trim().split('\n').at(-1)!)).toMatchObject({ records: 2 });
  const described = JSON.parse((await yak(onCluster('topic', 'describe', 'first', '--json'))).stdout);
  expect(JSON.stringify(described)).toContain('"replicas":[');
  const text = (await yak(onCluster('topic', 'describe', 'first'))).stdout;
  expect(text).toContain('first');
}, 30_000);

it('a line is bytes: invalid UTF-8, carriage returns and empty lines come back unchanged', async () => {
  const bytes = Buffer.concat([Buffer.from('a\r\n\n'), Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a]), Buffer.from('last\n')]);
  await yak(onCluster('topic', 'create', 'bytes', '--partitions', '1'));
  await yak(onCluster('produce', 'bytes'), { inputText: bytes });
  const output = `${cluster.folder}/bytes.out`;
  await yak(onCluster('consume', 'bytes', '--from-beginning', '--exit-at-end'), { output });
  const { readFileSync } = await import('node:fs');
  expect(readFileSync(output).equals(bytes)).toBe(true);
}, 30_000);

it('a stock Nest ClientProxy lists topics, produces and fetches on the same port', async () => {
  const proxy: ClientProxy = ClientProxyFactory.create({
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: cluster.ports.tcp },
  });
  try {
    const metadata = await firstValueFrom(proxy.send('yak.metadata', { topics: ['nest'], allowAutoTopicCreation: true }));
    expect(metadata.topics[0]).toMatchObject({ name: 'nest', error: 'NONE' });
    const leader = metadata.topics[0].partitions[0].leader as number;
    const atLeader = ClientProxyFactory.create({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: cluster.ports.tcp + leader },
    });
    try {
      const produced = await firstValueFrom(
        atLeader.send('yak.produce', {
          acks: -1,
          timeoutMs: 5_000,
          partitions: [{ topic: 'nest', partition: 0, records: [{ key: 'k', value: 'grüße' }, { value: 'two' }] }],
        }),
      );
      expect(produced.partitions[0]).toMatchObject({ error: 'NONE', baseOffset: 0 });
      const fetched = await firstValueFrom(
        atLeader.send('yak.fetch', {
          maxWaitMs: 500,
          minBytes: 1,
          maxBytes: 100_000,
          partitions: [{ topic: 'nest', partition: 0, fetchOffset: 0, maxBytes: 100_000 }],
        }),
      );
      expect(fetched.partitions[0].records.map((record: { value: string }) => record.value)).toEqual(['grüße', 'two']);
    } finally {
      atLeader.close();
    }
    await expect(firstValueFrom(proxy.send('yak.createTopics', { topics: [{ name: 7 }] }))).rejects.toMatchObject({ code: 'INVALID' });
  } finally {
    proxy.close();
  }
}, 30_000);

it('probes answer with the heartbeat report; metrics and leaders are served', async () => {
  const broker = `http://127.0.0.1:${cluster.ports.http}`;
  const live = await (await fetch(`${broker}/livez`)).json();
  expect(JSON.stringify(live)).toMatch(/coordinatorEpoch/);
  expect((await fetch(`${broker}/readyz`)).status).toBe(200);
  expect((await fetch(`${broker}/startupz`)).status).toBe(200);
  expect(await (await fetch(`${broker}/metrics`)).text()).toMatch(/^# HELP /m);
  const leaders = await (await fetch(`http://127.0.0.1:${cluster.ports.coordinator + 5_000}/v1/leaders`)).json();
  expect(JSON.stringify(leaders)).toContain('"first"');
}, 30_000);

it('consumers are pushed what arrives, through the death of a leader, and nothing acknowledged is missing after a second start', async () => {
  await yak(onCluster('topic', 'create', 'pushed', '--partitions', '1'));
  const consuming = startYak(onCluster('consume', 'pushed', '--from-beginning', '--max-messages', '3'));
  await yak(onCluster('produce', 'pushed'), { inputText: 'one\n' });
  const { leader } = await cluster.leaderOf('pushed', 0);
  const pid = cluster.kill('broker', leader);
  await yak(onCluster('produce', 'pushed'), { inputText: 'two\nthree\n' });
  expect((await consuming.done).stdout).toBe('one\ntwo\nthree\n');
  await cluster.restarted('broker', leader, pid);

  const began = performance.now();
  expect(await cluster.stop()).toBe(0);
  expect(performance.now() - began).toBeLessThan(5_000 * 2);
  await cluster.up();
  const again = await yak(onCluster('consume', 'pushed', '--from-beginning', '--exit-at-end'));
  expect(again.stdout).toBe('one\ntwo\nthree\n');
}, 60_000);

it('a group goes on where it had committed; who is in it, why, and where a record is, can be asked', async () => {
  await yak(onCluster('topic', 'create', 'grouped', '--partitions', '1'));
  await yak(onCluster('produce', 'grouped'), { inputText: 'one\ntwo\n' });
  const consume = () => yak(onCluster('consume', 'grouped', '--group', 'readers', '--exit-at-end'));
  expect((await consume()).stdout).toBe('one\ntwo\n');
  await yak(onCluster('produce', 'grouped'), { inputText: 'three\n' });
  expect((await yak(onCluster('group', 'describe', 'readers'))).stdout).toMatch(/lag 1 record/);
  expect((await consume()).stdout).toBe('three\n');
  expect((await yak(onCluster('group', 'why', 'readers'))).stdout).toMatch(/joined[\s\S]*left/);
  const { stdout } = await yak(onCluster('where', 'grouped', '0', '2'));
  expect(stdout).toMatch(/readers/);
  expect((await yak(onCluster('group', 'reset-offsets', 'readers', '--topic', 'grouped', '--to-earliest', '--execute'))).stdout).toMatch(
    /3/,
  );
  expect((await consume()).stdout).toBe('one\ntwo\nthree\n');
}, 60_000);

it('mistakes are answered with one clear line and exit code 1 or 2', async () => {
  const used = await startYak([
    'up',
    '--data',
    `${cluster.folder}/other`,
    '--tcp-port',
    String(cluster.ports.tcp),
    '--kafka-port',
    String(cluster.ports.kafka),
    '--http-port',
    String(cluster.ports.http),
    '--coordinator-port',
    String(cluster.ports.coordinator),
  ]).done;
  expect(used.code).toBe(1);
  expect(used.stderr).toMatch(/port/i);
  expect(used.stderr).not.toMatch(/\n\s+at /);
  const unknown = await startYak(['produce']).done;
  expect(unknown.code).toBe(2);
  const illegal = await startYak(onCluster('topic', 'create', 'no spaces')).done;
  expect(illegal.code).toBe(2);
  expect(illegal.stderr).toMatch(/topic name/);
}, 30_000);

it('a topic that is deleted leaves no files', async () => {
  await yak(onCluster('topic', 'create', 'gone', '--partitions', '2'));
  await yak(onCluster('produce', 'gone'), { inputText: 'x\n' });
  await yak(onCluster('topic', 'delete', 'gone'));
  const { readdirSync } = await import('node:fs');
  const left = (): string[] =>
    [0, 1, 2].flatMap((id) => readdirSync(`${cluster.data}/broker-${id}`).filter((name) => name.includes('gone')));
  for (let attempt = 0; left().length > 0 && attempt < 50; attempt++) await new Promise((resolve) => setTimeout(resolve, 100));
  expect(left()).toEqual([]);
}, 30_000);
