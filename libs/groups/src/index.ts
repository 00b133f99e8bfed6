export * from './assignors.js';
export * from './consumer-protocol.js';
export * from './contract.js';
export * from './coordinator-partition.js';
export * from './group-record-codec.js';
export { GroupTable } from './group-table.js';
export {
  GROUP_ID_LENGTH_MAX,
  GROUP_INSTANCE_ID_LENGTH_MAX,
  groupIdProblem,
  PROTOCOL_NAME_LENGTH_MAX,
  PROTOCOLS_MAX,
} from './limits.js';
export * from './messages.js';
export * from './records.js';
