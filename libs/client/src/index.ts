export * from './client-admin-contract.js';
export * from './contract.js';
export * from './group-admin-contract.js';
export * from './group-contract.js';
export { murmur2 } from './murmur2.js';
export { partitionForKey } from './partitioner.js';
export { YakClient } from './yak-client.js';
