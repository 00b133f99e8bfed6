import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  ConfigError,
  defaultLogConfig,
  defaultServerConfigs,
  effectiveFlushPolicy,
  effectiveLogConfig,
  effectiveMinInSyncReplicas,
  environmentName,
  NOT_ACTING_SERVER_CONFIGS,
  NOT_ACTING_TOPIC_CONFIGS,
  parseAddressList,
  parseBrokerOptions,
  parseCoordinatorOptions,
  renderConfigDocument,
  SERVER_CONFIGS,
  TOPIC_CONFIGS,
  UsageError,
  validateTopicConfigs,
} from './index.js';

const noFiles = { readFile: () => null };
const fileWith = (text: string) => ({ readFile: (path: string) => (path === 'yak.conf' ? Buffer.from(text) : null) });

function failure(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

describe('where a value comes from', () => {
  const file = fileWith('# ours\nlog.retention.ms = 3000\nlog.segment.bytes: 4096\nnum.partitions=7\n');
  const argv = ['--config', 'yak.conf', '--set', 'log.retention.ms=1000'];
  const environment = { YAK_LOG_RETENTION_MS: '2000', YAK_LOG_SEGMENT_BYTES: '2048', HOME: '/root' };

  it('flag before environment before file before default', () => {
    const { values, sources } = parseBrokerOptions(argv, environment, file);
    expect([values['log.retention.ms'], sources['log.retention.ms']]).toEqual([1000, 'flag']);
    expect([values['log.segment.bytes'], sources['log.segment.bytes']]).toEqual([2048, 'environment']);
    expect([values['num.partitions'], sources['num.partitions']]).toEqual([7, 'file']);
    expect([values['fetch.max.bytes'], sources['fetch.max.bytes']]).toEqual([57_671_680, 'default']);
  });

  it('reads a flat JSON file too', () => {
    const json = fileWith('{"num.partitions": 5, "auto.create.topics.enable": false, "coordinators": ["a:1", "b:2"]}');
    const options = parseBrokerOptions(['--config=yak.conf'], {}, json);
    expect(options.values['num.partitions']).toBe(5);
    expect(options.values['auto.create.topics.enable']).toBe(false);
    expect(options.coordinators).toEqual([
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ]);
  });

  it('does not take the variables that Kubernetes makes of a service for a port, nor an empty one for a value', () => {
    const options = parseBrokerOptions([], { YAK_KAFKA_PORT: 'tcp://10.0.0.7:9092', YAK_HOST: '' }, noFiles);
    expect(options.listeners.kafka.bind).toEqual({ host: '127.0.0.1', port: 9092 });
  });

  it('every config can be set by flag and by environment under its name', () => {
    for (const [name, definition] of Object.entries(SERVER_CONFIGS)) {
      expect(environmentName(name)).toBe(`YAK_${name.toUpperCase().replaceAll('.', '_')}`);
      if (definition.defaultText === '' || definition.default === null) continue;
      expect(parseBrokerOptions(['--set', `${name}=${definition.defaultText}`], {}, noFiles).values).toEqual(defaultServerConfigs());
    }
  });
});

describe('what is refused', () => {
  const cases: [string, string[], Record<string, string>, string, RegExp][] = [
    [
      'a value that is no number',
      ['--set', 'log.retention.ms=week'],
      {},
      '',
      /^log\.retention\.ms=week \(from --set\): is not a whole number$/,
    ],
    ['a value below the minimum', ['--set', 'log.segment.bytes=1023'], {}, '', /log\.segment\.bytes=1023 .* must be at least 1024/],
    ['a value above the maximum', [], { YAK_KAFKA_PORT: '65536' }, '', /kafka\.port=65536 \(from YAK_KAFKA_PORT\): must be at most 65535/],
    ['a choice that is none', ['--set', 'log.flush.policy=never'], {}, '', /log\.flush\.policy=never .* must be commit or interval/],
    ['an unknown name', ['--set', 'log.retention.msec=1'], {}, '', /unknown config log\.retention\.msec \(from --set\)/],
    ['an unknown name in a file', ['--config', 'yak.conf'], {}, 'colour=red', /unknown config colour \(from yak\.conf\)/],
    [
      'one of Kafka that does not act',
      ['--config', 'yak.conf'],
      {},
      'log.dirs=/x',
      /log\.dirs \(from yak\.conf\) does not act yet; use data\.dir/,
    ],
    ['a line that is none', ['--config', 'yak.conf'], {}, 'num.partitions=3\nhello', /yak\.conf:2: "hello" is not of the form name=value/],
    [
      'a name that comes twice',
      ['--config', 'yak.conf'],
      {},
      'num.partitions=3\nnum.partitions=4',
      /yak\.conf:2: num\.partitions is set twice/,
    ],
    ['half a JSON', ['--config', 'yak.conf'], {}, '{"num.partitions": 3', /yak\.conf begins with "\{" and is not JSON/],
    ['a nested JSON', ['--config', 'yak.conf'], {}, '{"log": {"retention": 3}}', /yak\.conf: log must be a string/],
    ['no file', ['--config', 'other.conf'], {}, '', /--config other\.conf: there is no such file/],
    ['an unknown flag', ['--port', '1'], {}, '', /unknown option --port/],
    ['a flag without value', ['--kafka-port'], {}, '', /--kafka-port needs a value/],
    ['a stray word', ['start'], {}, '', /unexpected argument "start"/],
    ['a setting without =', ['--set', 'num.partitions'], {}, '', /--set needs name=value/],
    [
      'an address that is none',
      ['--coordinators', 'there'],
      {},
      '',
      /coordinators=there \(from --coordinators\): "there" is not of the form host:port/,
    ],
    ['two doors on one port', ['--tcp-port', '9092'], {}, '', /kafka\.port and tcp\.port are both 9092/],
    ['a replication port that does not exist', ['--kafka-port', '65500'], {}, '', /replication\.port would be 65600, above 65535/],
    ['an address for everybody', ['--host', '0.0.0.0'], {}, '', /nobody can connect to 0\.0\.0\.0.*--advertised-host/],
    [
      'a session shorter than two heartbeats',
      ['--set', 'broker.session.timeout.ms=900'],
      {},
      '',
      /must be at least twice broker\.heartbeat\.interval\.ms=500/,
    ],
  ];
  it.each(cases)('%s', (_, argv, environment, file, message) => {
    const error = failure(() => parseBrokerOptions(argv, environment, fileWith(file)));
    expect(error.message).toMatch(message);
    expect(error instanceof UsageError || error instanceof ConfigError).toBe(true);
  });

  it('a coordinator that names a broker twice, or a negative one', () => {
    expect(failure(() => parseCoordinatorOptions(['--brokers', '0,1,0'], {}, noFiles)).message).toMatch(/names node 0 twice/);
    expect(failure(() => parseCoordinatorOptions(['--brokers', '-1'], {}, noFiles)).message).toMatch(/is not a node id/);
  });
});

describe('addresses', () => {
  it('a broker alone takes the base ports, with replication 100 above its Kafka port', () => {
    const { listeners, dataPath, brokerId } = parseBrokerOptions([], {}, noFiles);
    expect(Object.entries(listeners).map(([name, one]) => [name, one?.bind.port])).toEqual([
      ['kafka', 9092],
      ['replication', 9192],
      ['tcp', 3125],
      ['http', 8080],
      ['externalKafka', undefined],
      ['externalTcp', undefined],
    ]);
    expect([brokerId, dataPath]).toEqual([0, 'data/broker-0']);
  });

  it('a coordinator has its HTTP door 5000 above its TCP door', () => {
    expect(parseCoordinatorOptions(['--tcp-port', '4000'], {}, noFiles).listeners.http.bind.port).toBe(9000);
    expect(parseCoordinatorOptions([], {}, noFiles).listeners.http.bind.port).toBe(8180);
  });

  it('port 0 stays 0 for every listener', () => {
    const external = ['--set', 'external.kafka.port=0', '--set', 'external.tcp.port=0'];
    const { listeners } = parseBrokerOptions(['--kafka-port', '0', '--tcp-port', '0', '--http-port', '0', ...external], {}, noFiles);
    expect(Object.values(listeners).map((one) => [one?.bind.port, one?.advertised.port])).toEqual(Array(6).fill([0, 0]));
  });

  it('advertises the host it was told, per listener where it was told that', () => {
    const argv = ['--host', '0.0.0.0', '--advertised-host', 'broker-0.yak', '--advertised-kafka', 'example.org:19092'];
    const { listeners } = parseBrokerOptions(argv, {}, noFiles);
    expect(listeners.kafka).toEqual({ bind: { host: '0.0.0.0', port: 9092 }, advertised: { host: 'example.org', port: 19_092 } });
    expect(listeners.tcp.advertised).toEqual({ host: 'broker-0.yak', port: 3125 });
  });

  it('reads lists with brackets around IPv6', () => {
    expect(parseAddressList('a:1, [::1]:2')).toEqual({
      ok: true,
      value: [
        { host: 'a', port: 1 },
        { host: '::1', port: 2 },
      ],
    });
    expect(parseAddressList('a:1,').ok).toBe(false);
  });
});

describe('topic configs', () => {
  const defaults = defaultLogConfig(defaultServerConfigs());

  it('each acts: it changes what is in force, and nothing else', () => {
    const changes: Record<string, [string, object]> = {
      'retention.ms': ['60000', { retentionMs: 60_000 }],
      'retention.bytes': ['5', { retentionBytes: 5 }],
      'segment.bytes': ['1024', { segmentBytes: 1024 }],
      'segment.ms': ['10', { segmentMs: 10 }],
      'segment.index.bytes': ['2048', { segmentIndexBytes: 2048 }],
      'index.interval.bytes': ['0', { indexIntervalBytes: 0 }],
      'max.message.bytes': ['100', { maxMessageBytes: 100 }],
      'message.timestamp.after.max.ms': ['9223372036854775807', { messageTimestampAfterMaxMs: Number.MAX_SAFE_INTEGER }],
      'log.flush.policy': ['interval', { flushPolicy: 'interval' }],
      'flush.ms': ['20', { flushIntervalMs: 20 }],
      'cleanup.policy': ['delete, compact', { cleanupPolicy: 'compact,delete' }],
      'delete.retention.ms': ['0', { deleteRetentionMs: 0 }],
      'min.cleanable.dirty.ratio': ['0.25', { minCleanableDirtyRatio: 0.25 }],
      'min.compaction.lag.ms': ['7', { minCompactionLagMs: 7 }],
      'max.compaction.lag.ms': ['8', { maxCompactionLagMs: 8 }],
      'min.insync.replicas': ['1', {}],
    };
    expect(Object.keys(changes).sort()).toEqual(Object.keys(TOPIC_CONFIGS).sort());
    for (const [name, [value, change]] of Object.entries(changes)) {
      expect(validateTopicConfigs({ [name]: value })).toEqual([]);
      expect(effectiveLogConfig(defaults, { [name]: value })).toEqual({ ...defaults, ...change });
    }
  });

  it('defaults are those of Kafka, apart from when data is synced', () => {
    expect(defaults).toMatchObject({
      segmentBytes: 2 ** 30,
      retentionMs: 604_800_000,
      retentionBytes: -1,
      maxMessageBytes: 1_048_588,
      flushPolicy: 'commit',
    });
    expect(effectiveLogConfig(defaults, {})).toEqual(defaults);
  });

  it('refuses by name what does not act yet, what is unknown and what is wrong, each with its reason', () => {
    const problems = validateTopicConfigs({
      'cleanup.policy': 'compact,squeeze',
      'compression.type': 'producer',
      'retention.msec': '1',
      'segment.bytes': '10',
      'flush.ms': '5',
    });
    expect(problems.map((one) => one.name)).toEqual(['cleanup.policy', 'compression.type', 'retention.msec', 'segment.bytes']);
    expect(problems[0]!.reason).toBe('topic config cleanup.policy=compact,squeeze: must be delete, compact or compact,delete');
    expect(problems[1]!.reason).toMatch(/compression\.type does not act yet/);
    expect(problems[2]!.reason).toMatch(/unknown topic config retention\.msec/);
    expect(problems[3]!.reason).toMatch(/segment\.bytes=10: must be at least 1024/);
  });

  it('refuses lags of compaction that cannot both hold, ratios that are none, and takes a policy in any order', () => {
    expect(validateTopicConfigs({ 'min.compaction.lag.ms': '9', 'max.compaction.lag.ms': '8' }).map((one) => one.name)).toEqual([
      'min.compaction.lag.ms',
    ]);
    for (const ratio of ['1.01', '-0.1', 'half', '']) expect(validateTopicConfigs({ 'min.cleanable.dirty.ratio': ratio })).toHaveLength(1);
    for (const policy of ['', 'compact,', 'delete,delete']) expect(validateTopicConfigs({ 'cleanup.policy': policy })).toHaveLength(1);
    expect(effectiveLogConfig(defaults, { 'cleanup.policy': 'compact' }).cleanupPolicy).toBe('compact');
    expect(effectiveLogConfig(defaults, { 'cleanup.policy': 'compact,delete' }).cleanupPolicy).toBe('compact,delete');
  });

  it('names from the prototype of objects are unknown as any other', () => {
    expect(validateTopicConfigs({ constructor: 'x', __proto__x: 'y' }).map((one) => one.name)).toEqual(['constructor', '__proto__x']);
  });

  it('nothing that is refused changes what is in force, so a reader never fails on what a newer version committed', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(TOPIC_CONFIGS), 'other'), fc.string(), (name, value) => {
        if (validateTopicConfigs({ [name]: value }).length === 0) return;
        expect(effectiveLogConfig(defaults, { [name]: value })).toEqual(defaults);
        expect(effectiveMinInSyncReplicas({ [name]: value }, 3)).toBe(2);
        expect(effectiveFlushPolicy('commit', { [name]: value })).toBe('commit');
      }),
      { numRuns: 200 },
    );
  });

  it('R1: m is 2 from three replicas on, else 1, and never more than there are replicas', () => {
    expect([1, 2, 3, 5].map((replicas) => effectiveMinInSyncReplicas({}, replicas))).toEqual([1, 1, 2, 2]);
    expect([1, 2, 3, 5].map((replicas) => effectiveMinInSyncReplicas({ 'min.insync.replicas': '3' }, replicas))).toEqual([1, 2, 3, 3]);
  });

  it('nothing both acts and is refused', () => {
    for (const name of Object.keys(TOPIC_CONFIGS)) expect(NOT_ACTING_TOPIC_CONFIGS.has(name)).toBe(false);
    for (const name of Object.keys(SERVER_CONFIGS)) expect(Object.hasOwn(NOT_ACTING_SERVER_CONFIGS, name)).toBe(false);
  });
});

describe('docs/configs.md', () => {
  it('is what the tables say (YAK_UPDATE_DOCS=1 rewrites it)', () => {
    const path = join(process.cwd(), 'docs/configs.md');
    if (process.env['YAK_UPDATE_DOCS'] === '1') writeFileSync(path, renderConfigDocument());
    expect(existsSync(path) ? readFileSync(path, 'utf8') : '').toBe(renderConfigDocument());
  });
});
