export * from './contract.js';
export * from './messages.js';
export * from './patterns.js';
