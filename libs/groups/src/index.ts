export * from './assignors.js';
export * from './consumer-protocol.js';
export * from './contract.js';
export * from './coordinator-partition.js';
export * from './group-record-codec.js';
export * from './messages.js';
export * from './records.js';
