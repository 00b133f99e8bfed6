/** What `run.mjs` tells the specs by environment, and the names that the manifests fix. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../e2e/support/local-cluster.js';

export { ROOT };

export const NAMESPACE = 'yak';
export const LOAD_NAMESPACE = 'yak-load';
export const MANIFESTS = join(ROOT, 'k8s');
/** `docker.io/library/yak:dev`, which the manifests name, also carries the load: it has a node, and the program is mounted. */
export const IMAGE = 'yak:dev';

/** Nodes can be cut off and powered down only where we made them. */
export const IS_OUR_CLUSTER = process.env['YAK_K8S_OURS'] === '1';
export const LK8S = join(ROOT, 'tools', 'k8s', 'lk8s');
export const LK8S_HOME = process.env['LK8S_HOME'] ?? '/var/tmp/lk8s';
/** One JSON object a line; `run.mjs` makes the table of it. */
export const VERDICTS = process.env['YAK_K8S_ROWS'] ?? join(tmpdir(), 'yak-k8s-rows.jsonl');
/** Where pods, events and logs go when something took too long. */
export const DUMPS = process.env['YAK_K8S_DUMPS'] ?? join(tmpdir(), 'yak-k8s-dumps');
