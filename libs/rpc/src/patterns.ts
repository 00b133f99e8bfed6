/**
 * Every message of the Nest TCP door. A pattern has a name (what a stock ClientProxy sends: `client.send('yak.produce', …)`)
 * and a number (what our binary frames carry; Nest looks numbers up 40 times faster). Numbers are permanent.
 */
export const PATTERNS = {
  // Served by brokers and by the cluster coordinator alike, so that a client may start from either.
  metadata: { name: 'yak.metadata', code: 1 },
  createTopics: { name: 'yak.createTopics', code: 2 },
  deleteTopics: { name: 'yak.deleteTopics', code: 3 },
  describeCluster: { name: 'yak.describeCluster', code: 4 },
  createPartitions: { name: 'yak.createPartitions', code: 5 },
  alterConfigs: { name: 'yak.alterConfigs', code: 6 },
  /** Of a broker: asked of that broker; of a topic: of any. */
  describeConfigs: { name: 'yak.describeConfigs', code: 7 },
  /** Of a broker: its own connections; of the cluster coordinator: those of all brokers. */
  listClients: { name: 'yak.listClients', code: 8 },
  // Served by brokers.
  produce: { name: 'yak.produce', code: 10 },
  fetch: { name: 'yak.fetch', code: 11 },
  listOffsets: { name: 'yak.listOffsets', code: 12 },
  initProducerId: { name: 'yak.initProducerId', code: 13 },
  locateRecord: { name: 'yak.locateRecord', code: 14 },
  // Consumer groups: findCoordinator and listGroups at any broker, the others at the group's coordinator.
  findCoordinator: { name: 'yak.findCoordinator', code: 40 },
  joinGroup: { name: 'yak.joinGroup', code: 41 },
  syncGroup: { name: 'yak.syncGroup', code: 42 },
  groupHeartbeat: { name: 'yak.groupHeartbeat', code: 43 },
  leaveGroup: { name: 'yak.leaveGroup', code: 44 },
  commitOffsets: { name: 'yak.commitOffsets', code: 45 },
  fetchOffsets: { name: 'yak.fetchOffsets', code: 46 },
  deleteOffsets: { name: 'yak.deleteOffsets', code: 47 },
  describeGroups: { name: 'yak.describeGroups', code: 48 },
  listGroups: { name: 'yak.listGroups', code: 49 },
  deleteGroups: { name: 'yak.deleteGroups', code: 50 },
  groupHistory: { name: 'yak.groupHistory', code: 51 },
  // Served by the cluster coordinator, asked by brokers.
  registerBroker: { name: 'coordinator.registerBroker', code: 30 },
  brokerHeartbeat: { name: 'coordinator.brokerHeartbeat', code: 31 },
  metadataFetch: { name: 'coordinator.metadataFetch', code: 32 },
  alterPartition: { name: 'coordinator.alterPartition', code: 33 },
  allocateProducerIds: { name: 'coordinator.allocateProducerIds', code: 34 },
  reportPositions: { name: 'coordinator.reportPositions', code: 35 },
  offerMetadataCopy: { name: 'coordinator.offerMetadataCopy', code: 36 },
  // For the operator: the first at the cluster coordinator only, the second at any broker too.
  trustStore: { name: 'yak.trustStore', code: 37 },
  electLeader: { name: 'yak.electLeader', code: 38 },
} as const;

export type PatternKey = keyof typeof PATTERNS;

/** Lowest and highest control protocol that this build speaks; compared at registration so that versions can roll. */
export const PROTOCOL = { min: 1, max: 1 } as const;

const KEYS = new Map<string | number, PatternKey>();
for (const key of Object.keys(PATTERNS) as PatternKey[]) {
  KEYS.set(PATTERNS[key].name, key);
  KEYS.set(PATTERNS[key].code, key);
  KEYS.set(String(PATTERNS[key].code), key);
}

/** By name, by number, or by number as text (how Nest passes numbers). Null for one that this build does not know. */
export function patternKeyOf(pattern: string | number): PatternKey | null {
  return KEYS.get(pattern) ?? null;
}
