#!/usr/bin/env node
/**
 * `npm run k8s:up`: from nothing to three ready brokers. Makes what is missing (programs, image, cluster), applies k8s/ and waits.
 * Repeating it brings a changed image and changed manifests in. With KUBECONFIG set it uses that cluster instead of making one; the
 * image is then brought there by its owner.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseEngine } from '../image/engines.mjs';
import { fingerprint } from '../image/fingerprint.mjs';
import { capture, fail, isOurs, KUBECONFIG, kubectl, LK8S, LK8S_HOME, ROOT, say, show } from './cluster.mjs';

const IMAGE = 'yak:dev';
const NAMESPACE = 'yak';
const READY_WITHIN_S = 180;

const began = process.hrtime.bigint();
if (isOurs) bringUp();
else useGiven();

/** A cluster of our own, with the image of this working tree in it. */
function bringUp() {
  show('bash', [join(LK8S, '../install')]);
  // docker and podman fetch what the Dockerfile names; without them there are stand-ins. The cluster itself cannot fetch anything.
  const { engine } = chooseEngine((command, args) => capture(command, args), { baseImage: '', buildImage: '' });
  show('bash', [join(LK8S, '../base-images'), engine && engine.name !== 'buildah' ? 'redis' : 'all']);
  const isNew = bringImage();
  show('bash', [LK8S, 'up']);
  applyAndWait(isNew);
}

/** Builds the image and gives it to the cluster, unless the one that it has was made of the same files. @returns whether it did */
function bringImage() {
  const note = join(LK8S_HOME, 'images/yak.made-of');
  const loaded = join(LK8S_HOME, 'images/docker.io_library_yak_dev.tar');
  const madeOf = () => (existsSync(loaded) ? `${fingerprint(ROOT)} ${statSync(loaded).mtimeMs}` : '');
  if (existsSync(note) && readFileSync(note, 'utf8') === madeOf()) return false;
  const folder = mkdtempSync(join(tmpdir(), 'yak-image-'));
  try {
    const archive = join(folder, 'yak.tar');
    show(process.execPath, [join(ROOT, 'tools/image.mjs'), '--quiet', '--tag', IMAGE, '--archive', archive]);
    show('bash', [LK8S, 'load', archive]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  writeFileSync(note, madeOf());
  return true;
}

function useGiven() {
  const context = capture('kubectl', ['config', 'current-context']);
  if (context.code !== 0) fail(`KUBECONFIG=${KUBECONFIG} names no cluster: ${context.stderr.trim()}\nUnset it, and one is made here.`);
  say(`using the cluster "${context.stdout.trim()}" of KUBECONFIG=${KUBECONFIG}`);
  say(`it needs the image ${IMAGE} on its nodes. Build it with npm run image, then, by the kind of cluster:
  kind load docker-image ${IMAGE}    minikube image load ${IMAGE}    k3d image import ${IMAGE}
  or npm run image -- --archive yak.tar, and on every node: ctr -n k8s.io images import yak.tar`);
  applyAndWait(false);
}

function applyAndWait(isNewImage) {
  const workloads = () => capture('kubectl', ['-n', NAMESPACE, 'get', 'statefulset,deployment', '-o', 'name']).stdout.trim().split('\n');
  const before = workloads().filter((name) => /broker|coordinator/.test(name));
  kubectl('apply', '-f', join(ROOT, 'k8s'));
  // The name of the image is the same, so nothing else would tell these that there is a new one.
  if (isNewImage && before.length > 0) kubectl('-n', NAMESPACE, 'rollout', 'restart', ...before);
  for (const name of workloads()) {
    const wait = ['-n', NAMESPACE, 'rollout', 'status', name, `--timeout=${READY_WITHIN_S}s`];
    if (show('kubectl', wait, { mayFail: true }) !== 0) notReady(name);
  }
  const seconds = Number((process.hrtime.bigint() - began) / 1_000_000_000n);
  console.log(`
Ready after ${seconds} s. Next:
${isOurs ? `  export KUBECONFIG=${KUBECONFIG}\n` : ''}\
  kubectl -n ${NAMESPACE} get pods -o wide
  kubectl -n ${NAMESPACE} exec broker-0 -- /nodejs/bin/node /app/dist/bin/cli.cjs cluster
  kubectl apply -f k8s/examples                 # a producer and a consumer
  kubectl -n ${NAMESPACE} delete pod broker-1            # and see another broker take over
  ${isOurs ? 'npm run k8s:down                              # ends the cluster, data and all' : 'kubectl delete -f k8s                         # ends it, data and all'}
docs/kubernetes.md goes on from here.`);
}

function notReady(name) {
  show('kubectl', ['-n', NAMESPACE, 'get', 'pods', '-o', 'wide'], { mayFail: true });
  show('kubectl', ['-n', NAMESPACE, 'events', '--types=Warning'], { mayFail: true });
  const logs = `kubectl -n ${NAMESPACE} logs ${name} --all-containers --tail=20`;
  fail(`${name} was not ready within ${READY_WITHIN_S} s; the pods and warnings are above. Its log: ${logs}`);
}
