/**
 * The manifests without a cluster: what they say of each other (names, labels, ports), of the processes (configs, listeners, time to
 * stop), and of the restricted profile. Whether an API server takes them is the business of the suite on a real cluster.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentName, parseBrokerOptions, parseCoordinatorOptions, SERVER_CONFIGS } from '#config';
import {
  allows,
  componentOf,
  type Endpoint,
  environmentOf,
  K8S,
  type Labels,
  type Manifest,
  manifestFiles,
  named,
  readManifests,
  renderOverlay,
  selects,
  workloads,
} from './support/render.js';

const OVERLAYS = readdirSync(join(K8S, 'overlays')).sort();
const BASE = readManifests('.');
const EXAMPLES = readManifests('examples');
const rendered: readonly (readonly [string, readonly Manifest[] | null])[] = OVERLAYS.map((name) => [
  `overlays/${name}`,
  renderOverlay(join('overlays', name)),
]);
const hasKubectl = rendered.every(([, manifests]) => manifests !== null);
if (!hasKubectl) console.warn('no kubectl on this machine: the overlays are not looked at');
const OVERLAY_SETS = rendered.filter((one): one is readonly [string, readonly Manifest[]] => one[1] !== null);
const overlay = (name: string) => OVERLAY_SETS.find(([one]) => one === `overlays/${name}`)![1];

const SETS: readonly (readonly [string, readonly Manifest[]])[] = [
  ['k8s', BASE],
  ['k8s with examples', [...BASE, ...EXAMPLES]],
  ...OVERLAY_SETS,
];

const NO_FILES = { readFile: () => null };
const COMPONENT = 'app.kubernetes.io/component';

it('k8s/base is what k8s holds: kustomize sees what kubectl apply -f k8s sends', () => {
  const read = (folder: string) => manifestFiles(folder).map((name) => [name, readFileSync(join(K8S, folder, name), 'utf8')] as const);
  if (process.env['YAK_UPDATE_K8S']) for (const [name, text] of read('base')) writeFileSync(join(K8S, name), text);
  const hint = 'edit k8s/base and run this test with YAK_UPDATE_K8S=1';
  expect({ hint, files: read('.') }).toEqual({ hint, files: read('base') });
  const kustomization = readFileSync(join(K8S, 'base', 'kustomization.yaml'), 'utf8');
  expect([...kustomization.matchAll(/^ {2}- (\S+)$/gm)].map(([, name]) => name)).toEqual(manifestFiles('base'));
});

it('nothing in k8s itself is for kustomize or for a custom resource, and the namespace comes first', () => {
  expect(readdirSync(K8S).filter((name) => /\.(ya?ml|json)$/.test(name) && !/^\d\d-[a-z-]+\.yaml$/.test(name))).toEqual([]);
  expect(BASE[0]).toMatchObject({ kind: 'Namespace', metadata: { name: 'yak' } });
  expect(manifestFiles('examples').filter((name) => !/^\d\d-[a-z-]+\.yaml$/.test(name))).toEqual([]);
});

it('the names that people and scripts rely on', () => {
  const ports = (name: string) => Object.fromEntries(named(BASE, 'Service', name)['spec'].ports.map((one: Port) => [one.name, one.port]));
  expect(ports('yak')).toEqual({ kafka: 9092, tcp: 3125, http: 8080 });
  expect(ports('broker')).toEqual({ kafka: 9092, replication: 9192, tcp: 3125, http: 8080 });
  expect(ports('coordinator')).toEqual({ tcp: 3180, http: 8180 });
  for (const name of ['broker', 'coordinator']) {
    expect(named(BASE, 'Service', name)['spec']).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
  }
  expect(named(BASE, 'StatefulSet', 'broker')['spec']).toMatchObject({
    replicas: 3,
    serviceName: 'broker',
    podManagementPolicy: 'Parallel',
  });
  expect(named(BASE, 'Deployment', 'coordinator')['spec'].replicas).toBe(2);
  expect(named(BASE, 'StatefulSet', 'redis')['spec'].replicas).toBe(1);
});

describe.each(SETS)('%s', (_, manifests) => {
  const servers = workloads(manifests).filter((one) => componentOf(one) !== 'client');

  it('only kinds that every cluster has, in namespace yak, each once, with labels', () => {
    const versions = ['v1', 'apps/v1', 'batch/v1', 'policy/v1', 'networking.k8s.io/v1'];
    for (const { apiVersion, kind, metadata } of manifests) {
      expect(versions).toContain(apiVersion);
      expect(metadata.namespace).toBe(kind === 'Namespace' ? undefined : 'yak');
      expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/name': expect.any(String), 'app.kubernetes.io/part-of': 'yak' });
    }
    const names = manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(manifests.find(({ kind }) => kind === 'Namespace')!.metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/warn': 'restricted',
      'pod-security.kubernetes.io/audit': 'restricted',
    });
  });

  it('every pod is of the restricted profile, without rights, without leaked Services, within its memory', () => {
    const accounts = manifests.filter(({ kind }) => kind === 'ServiceAccount');
    for (const account of accounts) expect(account['automountServiceAccountToken']).toBe(false);
    for (const workload of workloads(manifests)) {
      const { spec } = workload['spec'].template;
      expect(spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
      expect(accounts.map(({ metadata }) => metadata.name)).toContain(spec.serviceAccountName);
      expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } });
      expect(spec.hostNetwork ?? spec.hostPID ?? spec.hostIPC ?? spec.initContainers).toBeUndefined();
      expect(spec.containers).toHaveLength(1);
      const [container] = spec.containers;
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.imagePullPolicy).toBe('IfNotPresent');
      expect(container.image).toMatch(/^(yak:dev|redis:7\.0-bookworm)$/);
      expect(container.resources).toMatchObject({ requests: { cpu: expect.any(String), memory: expect.any(String) } });
      expect(container.resources.limits).toEqual({ memory: expect.any(String) });
      const mounted = container.volumeMounts?.map((one: { name: string }) => one.name) ?? [];
      const volumes = [...(spec.volumes ?? []), ...(workload['spec'].volumeClaimTemplates ?? []).map((one: Manifest) => one.metadata)];
      expect([...mounted].sort()).toEqual(volumes.map(({ name }) => name).sort());
      for (const volume of spec.volumes ?? [])
        expect(Object.keys(volume).every((key) => ['name', 'emptyDir', 'configMap'].includes(key))).toBe(true);
      for (const { configMap } of spec.volumes ?? []) if (configMap) named(manifests, 'ConfigMap', configMap.name);
    }
  });

  it('what a workload selects are its own pods and no others', () => {
    for (const workload of workloads(manifests).filter(({ kind }) => kind !== 'Job')) {
      const { selector } = workload['spec'];
      const chosen = workloads(manifests).filter((one) => selects(selector, one['spec'].template.metadata.labels));
      expect(chosen.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual([`${workload.kind}/${workload.metadata.name}`]);
      expect(Object.keys(selector.matchLabels).sort()).toEqual([COMPONENT, 'app.kubernetes.io/name']);
    }
  });

  it('Services lead to ports that their pods have under that name and number', () => {
    for (const { metadata, spec } of manifests.filter(({ kind }) => kind === 'Service')) {
      const { 'statefulset.kubernetes.io/pod-name': pod, ...labels } = spec.selector as Labels;
      const chosen = servers.filter((one) => selects({ matchLabels: labels }, one['spec'].template.metadata.labels));
      expect({ service: metadata.name, pods: chosen.length }).toEqual({ service: metadata.name, pods: 1 });
      if (pod !== undefined) expect(pod).toMatch(new RegExp(`^${chosen[0]!.metadata.name}-\\d$`));
      const [container] = chosen[0]!['spec'].template.spec.containers;
      for (const { name, port, targetPort } of spec.ports as Port[]) {
        expect(container.ports).toContainEqual({ name, containerPort: port });
        expect(targetPort).toBe(name);
      }
    }
    for (const one of manifests.filter(({ kind }) => kind === 'StatefulSet')) named(manifests, 'Service', one['spec'].serviceName);
  });

  it('budgets: one broker, one coordinator, none for Redis, whose node could not be drained', () => {
    const budgets = manifests.filter(({ kind }) => kind === 'PodDisruptionBudget');
    const covered = budgets.flatMap(({ spec }) =>
      workloads(manifests).filter((one) => selects(spec.selector, one['spec'].template.metadata.labels)),
    );
    expect(covered.map(({ metadata }) => metadata.name).sort()).toEqual(['broker', 'coordinator']);
    expect(named(manifests, 'PodDisruptionBudget', 'broker')['spec']).toMatchObject({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'IfHealthyBudget',
    });
  });

  it('servers have all three probes where they are due, on their own port; Redis is alive while it loads', () => {
    for (const workload of servers) {
      const [container] = workload['spec'].template.spec.containers;
      if (componentOf(workload) === 'redis') {
        expect(container.livenessProbe.exec.command).toEqual(['redis-cli', 'ping']);
        expect(container.readinessProbe.exec.command).toEqual(['redis-cli', '-e', 'ping']);
        continue;
      }
      expect(container.startupProbe.httpGet).toEqual({ path: '/startupz', port: 'http' });
      expect(container.livenessProbe.httpGet).toEqual({ path: '/livez', port: 'http' });
      expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
      expect(container.livenessProbe.failureThreshold * container.livenessProbe.periodSeconds).toBeGreaterThanOrEqual(30);
    }
  });

  it('every YAK_ variable is a config that acts on its process, and the process starts with all of them', () => {
    for (const workload of servers.filter((one) => componentOf(one) !== 'redis')) {
      const component = componentOf(workload) as 'broker' | 'coordinator';
      const environment = environmentOf(manifests, workload, podFields(`${component}-0`, 0));
      for (const name of Object.keys(environment).filter((one) => one.startsWith('YAK_'))) {
        const config = Object.entries(SERVER_CONFIGS).find(([one]) => environmentName(one) === name);
        expect({ name, scopes: config?.[1].scopes }).toEqual({ name, scopes: expect.arrayContaining([component]) });
      }
      const [command, ...argv] = workload['spec'].template.spec.containers[0].args;
      expect(command).toBe(component);
      expect(argv.filter((one: string) => one !== '--json')).toEqual([]);
    }
  });

  it('a broker listens where its ports are, advertises its own name, and takes its number from its ordinal', () => {
    for (const id of [0, 4]) {
      const { listeners, ...options } = brokerOptions(manifests, id);
      expect(options).toMatchObject({
        brokerId: id,
        rack: null,
        dataPath: '/data/broker',
        coordinators: [{ host: 'coordinator', port: 3180 }],
      });
      const host = `broker-${id}.broker.yak.svc`;
      expect(listeners.kafka.advertised).toEqual({ host, port: 9092 });
      expect(listeners.replication.advertised).toEqual({ host, port: 9192 });
      expect(listeners.tcp.advertised).toEqual({ host, port: 3125 });
      const bound = Object.values(listeners).map((one) => one!.bind);
      expect(bound.map(({ host: address }) => address)).toEqual(bound.map(() => '0.0.0.0'));
      expect(bound.map(({ port }) => port).sort()).toEqual(containerPorts(manifests, 'StatefulSet', 'broker'));
      expect(options.values['broker.session.timeout.ms']).toBe(6_000);
    }
    const zoned = environmentOf(manifests, named(manifests, 'StatefulSet', 'broker'), {
      ...podFields('broker-1', 1),
      "metadata.labels['topology.kubernetes.io/zone']": 'z2',
    });
    expect(parseBrokerOptions([], zoned, NO_FILES).rack).toBe('z2');
  });

  it('a coordinator listens where its ports are, advertises its pod and shares its metadata through Redis', () => {
    const workload = named(manifests, 'Deployment', 'coordinator');
    const environment = environmentOf(manifests, workload, podFields('coordinator-x', 0));
    const { listeners, metadata, values, configuredBrokers } = parseCoordinatorOptions([], environment, NO_FILES);
    expect(listeners.tcp.advertised).toEqual({ host: '10.1.2.3', port: 3180 });
    expect(Object.values(listeners).map(({ bind }) => bind.port)).toEqual(containerPorts(manifests, 'Deployment', 'coordinator'));
    expect(metadata).toMatchObject({ url: 'redis://redis:6379', name: 'yak', password: 'the password of Secret redis' });
    expect(configuredBrokers).toEqual([0, 1, 2]);
    expect(values['broker.session.timeout.ms']).toBe(brokerOptions(manifests, 0).values['broker.session.timeout.ms']);
  });

  it('the kubelet waits longer than a planned stop takes', () => {
    const graceMs = (kind: string, name: string) =>
      named(manifests, kind, name)['spec'].template.spec.terminationGracePeriodSeconds * 1_000;
    const { values } = brokerOptions(manifests, 0);
    expect(graceMs('StatefulSet', 'broker')).toBeGreaterThanOrEqual(values['shutdown.timeout.ms'] + 10_000);
    const source = readFileSync(join(K8S, '..', 'apps', 'coordinator', 'src', 'coordinator-process.ts'), 'utf8');
    const [, coordinatorMs] = /withHandOver: ([\d_]+)/.exec(source)!;
    expect(graceMs('Deployment', 'coordinator')).toBeGreaterThanOrEqual(Number(coordinatorMs!.replaceAll('_', '')) + 10_000);
  });

  it('network policies let through what is needed, and nothing else that matters', () => {
    const { broker, coordinator, redis, client, nobody, stranger, monitoring } = endpoints();
    const passes = (from: Endpoint, to: Endpoint, port: number) =>
      allows(manifests, 'egress', from, to, port) && allows(manifests, 'ingress', to, from, port);
    const needed: [Endpoint, Endpoint, number][] = [
      [broker, broker, 9192],
      [broker, coordinator, 3180],
      [coordinator, broker, 3125],
      [coordinator, redis, 6379],
      ...[client, nobody].flatMap((from): [Endpoint, Endpoint, number][] => [
        [from, broker, 9092],
        [from, broker, 3125],
        [from, coordinator, 3180],
      ]),
      [stranger, broker, 9092],
      [stranger, broker, 3125],
      [monitoring, broker, 8080],
      [monitoring, coordinator, 8180],
    ];
    const refused: [Endpoint, Endpoint, number][] = [
      [broker, redis, 6379],
      [client, redis, 6379],
      [stranger, redis, 6379],
      [client, broker, 9192],
      [stranger, broker, 9192],
      [stranger, coordinator, 3180],
      [redis, broker, 9092],
      [redis, coordinator, 3180],
      [broker, stranger, 443],
      [coordinator, stranger, 443],
    ];
    expect(needed.filter(([from, to, port]) => !passes(from, to, port))).toEqual([]);
    expect(refused.filter(([from, to, port]) => passes(from, to, port))).toEqual([]);
    expect(named(manifests, 'NetworkPolicy', 'dns')['spec']).toMatchObject({ podSelector: {}, policyTypes: ['Egress'] });
    expect(named(manifests, 'NetworkPolicy', 'default-deny')['spec']).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  });

  it('R19: Redis forgets nothing that it acknowledged, and is not emptied by a slip of the hand', () => {
    const config: string = named(manifests, 'ConfigMap', 'redis')['data']['redis.conf'];
    const lines = config.split('\n');
    for (const line of [
      'appendonly yes',
      'appendfsync always',
      'maxmemory-policy noeviction',
      'rename-command FLUSHALL ""',
      'rename-command FLUSHDB ""',
    ]) {
      expect(lines).toContain(line);
    }
    const { template, volumeClaimTemplates } = named(manifests, 'StatefulSet', 'redis')['spec'];
    expect(volumeClaimTemplates).toHaveLength(1);
    expect(JSON.stringify(template)).not.toContain('development-only');
    expect(config).not.toContain('requirepass');
  });
});

it('the Secret of the base is for development and says so', () => {
  const { password } = named(BASE, 'Secret', 'redis')['data'];
  expect(Buffer.from(password, 'base64').toString()).toBe('development-only');
  expect(readFileSync(join(K8S, '25-secret.yaml'), 'utf8')).toMatch(/^# A password for development/);
});

it('examples: clients that begin at the Service yak, with an input or a script that is there', () => {
  expect(EXAMPLES.map(({ kind }) => kind).sort()).toEqual([
    'ConfigMap',
    'ConfigMap',
    'Deployment',
    'Deployment',
    'Deployment',
    'Job',
    'Job',
  ]);
  for (const workload of workloads(EXAMPLES)) {
    expect(environmentOf([...BASE, ...EXAMPLES], workload, {})).toEqual({ YAK_BOOTSTRAP: 'yak:3125' });
  }
  const lines = named(EXAMPLES, 'ConfigMap', 'greetings')['data']['greetings.txt'].trim().split('\n');
  const reader = named(EXAMPLES, 'Job', 'consumer')['spec'].template.spec.containers[0].args;
  expect(reader[reader.indexOf('--max-messages') + 1]).toBe(String(lines.length));
});

it('port-forward.sh dials the external doors on the ports that brokers advertise there', () => {
  const script = readFileSync(join(K8S, 'port-forward.sh'), 'utf8');
  expect(spawnSync('bash', ['-n', join(K8S, 'port-forward.sh')], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  const { externalKafka, externalTcp } = brokerOptions(BASE, 2).listeners;
  expect(externalKafka!.advertised).toEqual({ host: 'localhost', port: 19_092 });
  expect(externalTcp!.advertised).toEqual({ host: 'localhost', port: 13_127 });
  expect(script).toContain(`"$((19090 + $1)):${externalKafka!.bind.port}" "$((13125 + $1)):${externalTcp!.bind.port}"`);
});

(hasKubectl ? describe : describe.skip)('overlays', () => {
  it('external-access: every broker advertises its node and the port of its own Service', () => {
    const manifests = overlay('external-access');
    for (const id of [0, 1, 2]) {
      const { externalKafka, externalTcp } = brokerOptions(manifests, id).listeners;
      const { spec } = named(manifests, 'Service', `broker-${id}-external`);
      expect(spec).toMatchObject({ type: 'NodePort', externalTrafficPolicy: 'Local', publishNotReadyAddresses: true });
      expect(spec.selector['statefulset.kubernetes.io/pod-name']).toBe(`broker-${id}`);
      const nodePort = (name: string) => spec.ports.find((one: Port) => one.name === name).nodePort;
      expect(externalKafka!.advertised).toEqual({ host: '10.250.0.1', port: nodePort('kafka-external') });
      expect(externalTcp!.advertised).toEqual({ host: '10.250.0.1', port: nodePort('tcp-external') });
    }
    const { broker } = endpoints();
    const outside: Endpoint = { namespace: 'none', labels: null };
    expect([9094, 3126, 9092, 9192].filter((port) => allows(manifests, 'ingress', broker, outside, port))).toEqual([9094, 3126]);
    const ports = manifests.flatMap(({ kind, spec }) => (kind === 'Service' ? spec.ports.map((one: Port) => one.nodePort ?? 0) : []));
    expect(ports.every((port) => port === 0 || (port >= 30_000 && port <= 32_767))).toBe(true);
  });

  it('prod: no password of ours, zones insisted on, room for the defaults, logs for machines', () => {
    const manifests = overlay('prod');
    expect(manifests.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    const { template, volumeClaimTemplates } = named(manifests, 'StatefulSet', 'broker')['spec'];
    const constraints: { whenUnsatisfiable: string; topologyKey: string }[] = template.spec.topologySpreadConstraints;
    expect(constraints.map((one) => [one.topologyKey, one.whenUnsatisfiable])).toEqual([
      ['topology.kubernetes.io/zone', 'DoNotSchedule'],
      ['kubernetes.io/hostname', 'DoNotSchedule'],
    ]);
    expect(volumeClaimTemplates[0].spec.resources.requests.storage).toBe('100Gi');
    expect(template.spec.containers[0].args).toEqual(['broker', '--json']);
    const { values } = brokerOptions(manifests, 0);
    expect(values['log.segment.bytes']).toBe(SERVER_CONFIGS['log.segment.bytes'].default);
    expect(values['log.cleaner.dedupe.buffer.size']).toBe(SERVER_CONFIGS['log.cleaner.dedupe.buffer.size'].default);
  });

  it('dev: asks the scheduler for less than the base does, and keeps its limits', () => {
    const manifests = overlay('dev');
    const asked = (set: readonly Manifest[]) =>
      workloads(set).reduce(
        (sum, { spec }) => sum + spec.replicas * Number.parseInt(spec.template.spec.containers[0].resources.requests.memory, 10),
        0,
      );
    expect(asked(manifests)).toBeLessThan(asked(BASE) / 1.5);
    expect(named(manifests, 'Deployment', 'coordinator')['spec'].replicas).toBe(1);
    const limits = (set: readonly Manifest[]) => workloads(set).map(({ spec }) => spec.template.spec.containers[0].resources.limits);
    expect(limits(manifests)).toEqual(expect.arrayContaining(limits(BASE)));
  });
});

interface Port {
  readonly name: string;
  readonly port: number;
  readonly targetPort: string;
  readonly nodePort?: number;
}

function podFields(name: string, ordinal: number): Record<string, string> {
  return {
    'metadata.name': name,
    'metadata.namespace': 'yak',
    "metadata.labels['apps.kubernetes.io/pod-index']": String(ordinal),
    'status.podIP': '10.1.2.3',
    'status.hostIP': '10.250.0.1',
  };
}

function brokerOptions(manifests: readonly Manifest[], id: number) {
  const workload = named(manifests, 'StatefulSet', 'broker');
  return parseBrokerOptions([], environmentOf(manifests, workload, podFields(`broker-${id}`, id)), NO_FILES);
}

function containerPorts(manifests: readonly Manifest[], kind: string, name: string): readonly number[] {
  const [container] = named(manifests, kind, name)['spec'].template.spec.containers;
  return container.ports.map((one: { containerPort: number }) => one.containerPort).sort();
}

function endpoints() {
  const server = (component: string): Endpoint => ({
    namespace: 'yak',
    labels: { 'app.kubernetes.io/name': 'yak', [COMPONENT]: component, 'app.kubernetes.io/part-of': 'yak' },
  });
  return {
    broker: server('broker'),
    coordinator: server('coordinator'),
    redis: server('redis'),
    client: { namespace: 'yak', labels: { 'app.kubernetes.io/name': 'producer', [COMPONENT]: 'client' } },
    nobody: { namespace: 'yak', labels: {} },
    stranger: { namespace: 'shop', labels: { app: 'shop' } },
    monitoring: { namespace: 'monitoring', labels: {} },
  } satisfies Record<string, Endpoint>;
}
