export * from './admin-verbs.js';
export * from './broker.js';
export type { BrokerState } from './broker-state.js';
export * from './clients/index.js';
export * from './contract.js';
export * from './group-verbs.js';
export { GROUP_METADATA_BYTES_MAX, GroupCoordinator, type GroupCoordinatorReport } from './groups/group-coordinator.js';
export { Partition, type ProduceOutcome, type Role } from './partition.js';
export * from './verbs.js';
