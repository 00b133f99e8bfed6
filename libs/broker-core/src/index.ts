export * from './broker.js';
export type { BrokerState } from './broker-state.js';
export * from './contract.js';
export { Partition, type ProduceOutcome, type Role } from './partition.js';
export * from './verbs.js';
