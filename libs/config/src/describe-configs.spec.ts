import { configSettings, configText, describeServerConfigs, describeTopicConfigs } from './describe-configs.js';
import { SERVER_CONFIGS, type ServerConfigName } from './server-configs.js';
import { resolveServerConfigs } from './sources.js';
import { TOPIC_CONFIGS, type TopicConfigName } from './topic-configs.js';

const settingsOf = (environment: Record<string, string>) =>
  configSettings(resolveServerConfigs({ flags: new Map(), environment, file: null }), 'broker', { 'tcp.port': 3125 });

it('every topic config names the server config that is its default, with the same default', () => {
  for (const { name, synonyms } of describeTopicConfigs({}, settingsOf({}), 3)) {
    const { default: ours } = TOPIC_CONFIGS[name as TopicConfigName];
    if (name === 'min.insync.replicas') continue;
    const server = synonyms.at(-1)!.name;
    expect({ name, server, isKnown: Object.hasOwn(SERVER_CONFIGS, server) }).toEqual({ name, server, isKnown: true });
    expect(SERVER_CONFIGS[server as ServerConfigName].default).toBe(ours);
  }
});

it('min.insync.replicas follows the replicas until the topic says otherwise', () => {
  const value = (configs: Record<string, string>, replicationFactor: number) =>
    describeTopicConfigs(configs, [], replicationFactor).find(({ name }) => name === 'min.insync.replicas');
  expect(value({}, 1)).toMatchObject({ value: '1', source: 'default' });
  expect(value({}, 3)).toMatchObject({ value: '2', source: 'default', synonyms: [{ name: 'min.insync.replicas', value: '2' }] });
  expect(value({ 'min.insync.replicas': '3' }, 3)).toMatchObject({ value: '3', source: 'topic' });
});

it('a process shows what it runs with, derived values included, and which of it somebody said', () => {
  const described = describeServerConfigs(settingsOf({ YAK_LOG_RETENTION_MS: '9', YAK_COORDINATORS: 'a:1,[::1]:2' }));
  const of = (name: string) => described.find((config) => config.name === name)!;
  expect(of('tcp.port')).toMatchObject({ value: '3125', source: 'default', synonyms: [{ value: '3125', source: 'default' }] });
  expect(of('coordinators')).toMatchObject({ value: 'a:1,[::1]:2', source: 'static-broker', type: 'list' });
  expect(of('log.retention.ms').synonyms.map(({ value, source }) => `${value} ${source}`)).toEqual([
    '9 static-broker',
    '604800000 default',
  ]);
  expect(of('advertised.kafka.address')).toMatchObject({ value: null, type: 'string' });
  expect(described.map(({ name }) => name)).not.toContain('configured.brokers');
  expect([configText([0, 1]), configText(true), configText(null), configText(undefined)]).toEqual(['0,1', 'true', null, null]);
  expect(
    describeServerConfigs(settingsOf({ YAK_LOG_ROLL_MS: '9223372036854775807' })).find(({ name }) => name === 'log.roll.ms')!.value,
  ).toBe('9223372036854775807');
});
