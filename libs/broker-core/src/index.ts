export * from './contract.js';
export * from './verbs.js';
