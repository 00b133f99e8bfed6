/**
 * Manifests as objects: of a folder as they lie there, or of an overlay as the kustomize of kubectl makes them. YAML that says one
 * thing twice is refused here, as the API server does in strict mode; what fields mean is not known here.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

export const K8S = join(import.meta.dirname, '..', '..', '..', 'k8s');

/** One object of a manifest. Fields are looked up by whoever knows the kind. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
  // biome-ignore lint/suspicious/noExplicitAny: every kind has other fields, and a test that reads a missing one fails
  readonly [field: string]: any;
}

export type Labels = Readonly<Record<string, string>>;

/** Names of the manifests in `folder` (relative to k8s/), in the order in which kubectl applies them. */
export function manifestFiles(folder: string): readonly string[] {
  return readdirSync(join(K8S, folder))
    .filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml')
    .sort();
}

/** What `kubectl apply -f` would send for a folder: its files, not its sub-folders. */
export function readManifests(folder: string): readonly Manifest[] {
  return manifestFiles(folder).flatMap((name) => parse(readFileSync(join(K8S, folder, name), 'utf8'), name));
}

/** What `kubectl apply -k` would send. Null without a kubectl on this machine; throws what kustomize complains of. */
export function renderOverlay(folder: string): readonly Manifest[] | null {
  const { error, status, stdout, stderr } = spawnSync('kubectl', ['kustomize', join(K8S, folder)], { encoding: 'utf8' });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return null;
  if (error) throw error;
  if (status !== 0) throw new Error(`kubectl kustomize k8s/${folder}: ${stderr}`);
  return parse(stdout, folder);
}

function parse(text: string, name: string): readonly Manifest[] {
  return parseAllDocuments(text, { uniqueKeys: true }).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw new Error(`${name}: ${problem.message}`);
    return document.toJS() as Manifest;
  });
}

export function named(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.filter((one) => one.kind === kind && one.metadata.name === name);
  if (found.length !== 1) throw new Error(`${found.length} of kind ${kind} are named ${name}`);
  return found[0]!;
}

const WORKLOADS = ['Deployment', 'StatefulSet', 'Job'];

export function workloads(manifests: readonly Manifest[]): readonly Manifest[] {
  return manifests.filter(({ kind }) => WORKLOADS.includes(kind));
}

export function componentOf(workload: Manifest): string {
  return workload['spec'].template.metadata.labels['app.kubernetes.io/component'];
}

/** matchLabels and matchExpressions In, NotIn, Exists, DoesNotExist; an empty selector matches everything. */
export function selects(selector: { matchLabels?: Labels; matchExpressions?: readonly Expression[] }, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'In') return value !== undefined && values.includes(value);
      if (operator === 'NotIn') return value === undefined || !values.includes(value);
      return (operator === 'Exists') === (value !== undefined);
    })
  );
}

interface Expression {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

/** Where a pod of these tests is or where a connection comes from; `null` labels: outside of the cluster. */
export interface Endpoint {
  readonly namespace: string;
  readonly labels: Labels | null;
}

/** Whether the policies of namespace yak let a TCP connection through that comes to (or goes from) one of its pods. */
export function allows(manifests: readonly Manifest[], side: 'ingress' | 'egress', own: Endpoint, peer: Endpoint, port: number): boolean {
  const direction = side === 'ingress' ? 'Ingress' : 'Egress';
  const policies = manifests
    .filter(({ kind }) => kind === 'NetworkPolicy')
    .map(({ spec }) => spec)
    .filter((spec) => spec.policyTypes.includes(direction) && selects(spec.podSelector, own.labels!));
  if (own.namespace !== 'yak' || policies.length === 0) return true;
  return policies
    .flatMap((spec) => spec[side] ?? [])
    .some((rule) => {
      const peers: readonly Peer[] | undefined = side === 'ingress' ? rule.from : rule.to;
      const isPeer = peers === undefined || peers.some((one) => matchesPeer(one, peer));
      const ports: readonly { port: number; protocol?: string }[] | undefined = rule.ports;
      return isPeer && (ports === undefined || ports.some((one) => one.port === port && (one.protocol ?? 'TCP') === 'TCP'));
    });
}

interface Peer {
  readonly podSelector?: Parameters<typeof selects>[0];
  readonly namespaceSelector?: Parameters<typeof selects>[0];
  readonly ipBlock?: object;
}

function matchesPeer(peer: Peer, { namespace, labels }: Endpoint): boolean {
  if (peer.ipBlock !== undefined || labels === null) return false;
  const isNamespace = peer.namespaceSelector
    ? selects(peer.namespaceSelector, { 'kubernetes.io/metadata.name': namespace })
    : namespace === 'yak';
  return isNamespace && (peer.podSelector === undefined || selects(peer.podSelector, labels));
}

/**
 * The environment of the first container of a pod, as its kubelet would put it together: ConfigMaps, then `env`, `$(NAME)` replaced by
 * what stands before it. Fields of the pod come from `fields` by their path; a label that it does not have is empty.
 */
export function environmentOf(
  manifests: readonly Manifest[],
  workload: Manifest,
  fields: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const [container] = workload['spec'].template.spec.containers;
  const environment: Record<string, string> = {};
  for (const { configMapRef } of container.envFrom ?? [])
    Object.assign(environment, named(manifests, 'ConfigMap', configMapRef.name)['data']);
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (value !== undefined)
      environment[name] = value.replace(/\$\((\w+)\)/g, (whole: string, other: string) => environment[other] ?? whole);
    else if (valueFrom.fieldRef) environment[name] = fields[valueFrom.fieldRef.fieldPath] ?? '';
    else environment[name] = `the ${valueFrom.secretKeyRef.key} of Secret ${valueFrom.secretKeyRef.name}`;
  }
  return environment;
}
