/** Which node to break. */
import { nodeOf, podsOf } from './deployment.js';

export interface Victim {
  readonly node: string;
  readonly broker: string;
}

/** A node with a broker and without Redis, or the one with Redis. */
export async function placed(withRedis = false): Promise<Victim> {
  const redis = await nodeOf('redis-0');
  const brokers = (await podsOf(/^broker-/)).map(({ metadata, spec }) => ({ broker: metadata.name, node: spec.nodeName! }));
  const found = brokers.find(({ node }) => (node === redis) === withRedis);
  if (found === undefined) {
    const where = brokers.map(({ broker, node }) => `${broker} on ${node}`).join(', ');
    throw new Error(`no broker ${withRedis ? 'shares the node of' : 'runs apart from'} Redis, which is on ${redis}: ${where}`);
  }
  return found;
}
