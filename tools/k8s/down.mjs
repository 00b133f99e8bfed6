#!/usr/bin/env node
/** `npm run k8s:down`: ends the cluster that k8s:up made, with its data. Somebody else's cluster is left alone: it says what to type. */
import { fail, isOurs, KUBECONFIG, LK8S, show } from './cluster.mjs';

if (!isOurs) fail(`KUBECONFIG=${KUBECONFIG} is not a cluster of ours. To remove YaK and its data from it: kubectl delete -f k8s`);
show('bash', [LK8S, 'down']);
