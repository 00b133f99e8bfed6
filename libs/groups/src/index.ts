export * from './contract.js';
export * from './coordinator-partition.js';
export * from './messages.js';
export * from './records.js';
