export * from './disk.js';
export * from './logger.js';
export * from './network.js';
export * from './time.js';
