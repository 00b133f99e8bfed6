import { configSettings, describeServerConfigs } from './describe-configs.js';
import { parseBrokerOptions, parseCoordinatorOptions } from './index.js';

const files: Record<string, string> = { secret: 'hunter2\n', windows: ' hunter2 \r\n', empty: '\n' };
const disk = { readFile: (path: string) => (path in files ? Buffer.from(files[path]!) : null) };
const coordinator = (argv: string[], environment: Record<string, string> = {}) => parseCoordinatorOptions(argv, environment, disk);

function failure(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

describe('where the metadata is', () => {
  it('is the data folder until somebody says otherwise, by flag, environment or file', () => {
    expect(coordinator([]).metadata).toBeNull();
    const plain = { url: 'redis://localhost:6379', name: 'yak', password: null };
    expect(coordinator(['--metadata', 'redis://localhost:6379']).metadata).toEqual(plain);
    expect(coordinator([], { YAK_METADATA_URL: 'redis://localhost:6379' }).metadata).toEqual(plain);
    files['yak.conf'] = 'metadata.url=rediss://r:1/2\nmetadata.name=test-1\n';
    expect(coordinator(['--config', 'yak.conf']).metadata).toEqual({ url: 'rediss://r:1/2', name: 'test-1', password: null });
  });

  it.each<[string, string[], Record<string, string>, string | null, string]>([
    ['the URL', ['--metadata', 'redis://yak:hunter2@r:6379/1'], {}, 'redis://yak@r:6379/1', 'hunter2'],
    ['the URL, escaped', ['--metadata', 'redis://:a%40b%2F%25@r'], {}, 'redis://r', 'a@b/%'],
    ['the environment', ['--metadata', 'redis://r'], { YAK_METADATA_PASSWORD: 'hunter2' }, 'redis://r', 'hunter2'],
    ['a file', ['--metadata', 'redis://r'], { YAK_METADATA_PASSWORD_FILE: 'secret' }, 'redis://r', 'hunter2'],
    [
      'a file, of which only the line end is cut',
      ['--metadata', 'redis://r', '--set', 'metadata.password.file=windows'],
      {},
      null,
      ' hunter2 ',
    ],
  ])('takes the password from %s, and keeps it out of everything else', (_, argv, environment, url, password) => {
    const options = coordinator(argv, environment);
    expect(options.metadata).toMatchObject({ password, ...(url && { url }) });
    const { metadata: _taken, ...rest } = options;
    expect(JSON.stringify(rest)).not.toContain(password.trim());
    const described = describeServerConfigs(configSettings(options, 'coordinator'));
    for (const name of ['metadata.url', 'metadata.password'])
      expect(described.find((one) => one.name === name)).toMatchObject({ value: null, isSensitive: true });
    expect(JSON.stringify(described)).not.toContain(password.trim());
  });

  it.each<[string[], Record<string, string>, RegExp]>([
    [
      ['--metadata', 'redis://:hunter2@r'],
      { YAK_METADATA_PASSWORD: 'hunter2' },
      /comes from metadata\.url and metadata\.password; leave one/,
    ],
    [['--metadata', 'redis://:hunter2@r', '--set', 'metadata.password.file=secret'], {}, /metadata\.url and metadata\.password\.file;/],
    [['--metadata', 'redis://r', '--set', 'metadata.password.file=none'], {}, /metadata\.password\.file=none: there is no such file/],
    [['--metadata', 'redis://r', '--set', 'metadata.password.file=empty'], {}, /metadata\.password\.file=empty is empty/],
    [['--metadata', 'redis:hunter2@r'], {}, /^metadata\.url \(from --metadata\): /],
    [['--metadata', ':hunter2@r:6379'], {}, /^metadata\.url \(from --metadata\): is not a URL such as redis:\/\/localhost:6379$/],
    [[], { YAK_METADATA_URL: 'http://:hunter2@r' }, /^metadata\.url \(from YAK_METADATA_URL\): must begin with redis:\/\/ or rediss:\/\/$/],
    [['--metadata', 'redis://:hunter2@r/x'], {}, /a path that is not the number of a database/],
    [['--metadata', 'redis://:hunter2@r?x=1'], {}, /not understood/],
    [['--metadata', 'redis://:hunter2%zz@r'], {}, /a "%" in user or password/],
    [['--set', 'metadata.password='], {}, /^metadata\.password \(from --set\): must not be empty$/],
    [['--set', 'metadata.name=a b'], {}, /metadata\.name=a b \(from --set\): must be 1 to 100 letters/],
    [['--set', 'coordinator.session.timeout.ms=599'], {}, /must be at least twice coordinator\.beat\.interval\.ms=300/],
    [['--set', 'metadata.password hunter2'], {}, /--set needs name=value, not "metadata\.password …"/],
  ])('refuses %j %j without showing a password', (argv, environment, message) => {
    const text = failure(() => coordinator(argv, environment));
    expect(text).toMatch(message);
    expect(text).not.toContain('hunter2');
  });

  it('shows no password of a config file that cannot be read', () => {
    files['half.conf'] = 'metadata.password hunter2';
    expect(failure(() => coordinator(['--config', 'half.conf']))).toBe('half.conf:1: "metadata.password …" is not of the form name=value');
    files['half.json'] = '{"metadata.password": hunter2}';
    expect(failure(() => coordinator(['--config', 'half.json']))).toMatch(/^half\.json begins with "\{" and is not JSON: [^,]*$/);
  });

  it('a password without a URL is told, since the URL was most likely forgotten', () => {
    expect(coordinator([], { YAK_METADATA_PASSWORD: 'hunter2' }).warnings).toEqual([
      'metadata.password is set and metadata.url is not: the metadata is kept in the data folder',
    ]);
  });

  it('a broker does not look at the variables of coordinators, even wrong ones', () => {
    const environment = { YAK_METADATA_URL: 'nonsense', YAK_METADATA_PASSWORD: 'hunter2', YAK_CONFIGURED_BROKERS: '-' };
    const options = parseBrokerOptions([], environment, disk);
    expect(options.warnings).toEqual([]);
    expect(JSON.stringify(options)).not.toContain('hunter2');
    expect(failure(() => coordinator([], environment))).toMatch(/metadata\.url \(from YAK_METADATA_URL\)/);
  });
});

describe('the environment', () => {
  it('what looks like ours and is no config is told by name; what Kubernetes makes of a Service named yak is not', () => {
    const ofService = {
      YAK_SERVICE_HOST: '10.0.0.7',
      YAK_SERVICE_PORT: '9092',
      YAK_SERVICE_PORT_KAFKA: '9092',
      YAK_PORT: 'tcp://10.0.0.7:9092',
      YAK_PORT_9092_TCP: 'tcp://10.0.0.7:9092',
      YAK_PORT_9092_TCP_ADDR: '10.0.0.7',
      YAK_PORT_9092_TCP_PORT: '9092',
      YAK_PORT_9092_TCP_PROTO: 'tcp',
      YAK_TCP_PORT: 'tcp://10.0.0.8:3125',
      YAK_TCP_SERVICE_HOST: '10.0.0.8',
    };
    const environment = { ...ofService, YAK_BOOTSTRAP: 'a:1', YAK_EMPTY: '', YAK_METADATA_PASWORD: 'hunter2', HOME: '/' };
    const options = parseBrokerOptions([], environment, disk);
    expect(options.warnings).toEqual([
      'the environment variable YAK_METADATA_PASWORD is no config and does nothing; docs/configs.md lists the known ones',
    ]);
    expect(options.listeners.tcp.bind.port).toBe(3125);
  });
});

describe('advertised addresses', () => {
  const broker = (id: number, ...argv: string[]) => parseBrokerOptions(['--id', String(id), ...argv], {}, disk).listeners;

  it('{id} is the node id, {N+id} N plus the node id, in every one of them', () => {
    const argv = ['--set', 'external.kafka.port=9094', '--set', 'advertised.external.kafka.address=localhost:{19090+id}'];
    argv.push('--advertised-kafka', 'broker-{id}.example.com:{31092+id}', '--advertised-host', 'broker-{id}.broker.yak.svc');
    const { kafka, externalKafka, externalTcp, replication } = broker(2, ...argv);
    expect(externalKafka).toEqual({ bind: { host: '127.0.0.1', port: 9094 }, advertised: { host: 'localhost', port: 19_092 } });
    expect(kafka.advertised).toEqual({ host: 'broker-2.example.com', port: 31_094 });
    expect(replication.advertised).toEqual({ host: 'broker-2.broker.yak.svc', port: 9192 });
    expect(externalTcp).toBeNull();
  });

  it('the node id may come from anywhere, and an external door without an address of its own takes advertised.host', () => {
    const environment = { YAK_NODE_ID: '4', YAK_ADVERTISED_HOST: 'b{id}', YAK_EXTERNAL_TCP_PORT: '3126' };
    expect(parseBrokerOptions([], environment, disk).listeners.externalTcp!.advertised).toEqual({ host: 'b4', port: 3126 });
  });

  it.each([
    ['{ID}:1', /advertised\.kafka\.address=\{ID\}:1 \(from --advertised-kafka\): "\{ID\}" means nothing here; \{id\} is the node id/],
    ['{id:1', /"\{id:1" means nothing here/],
    ['id}:1', /"\}" means nothing here/],
    ['a:{id+1}', /"\{id\+1\}" means nothing/],
    ['a:{-1+id}', /"\{-1\+id\}" means nothing/],
    ['a:{65534+id}', /is not of the form host:port/],
  ])('refuses %s', (address, message) => {
    expect(failure(() => broker(2, '--advertised-kafka', address))).toMatch(message);
  });

  it('refuses an external address without its port, and two doors on one port', () => {
    expect(failure(() => broker(0, '--set', 'advertised.external.tcp.address=a:1'))).toMatch(
      /external\.tcp\.port is not: there is no such/,
    );
    expect(failure(() => broker(0, '--set', 'external.kafka.port=9092'))).toMatch(/kafka\.port and external\.kafka\.port are both 9092/);
  });
});
