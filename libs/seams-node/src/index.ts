export { NodeDisk } from './disk.js';
export { createLogger, type LoggerOptions, type LogLevel } from './logger.js';
export { DIAL_TIMEOUT_MS, NodeNetwork } from './network.js';
export { nodeErrorCode, wrapNodeError } from './node-error.js';
export { RESOLVE_TIMEOUT_MS, resolveAddress } from './resolve-address.js';
export { NodeClock, NodeRandom, NodeScheduler } from './time.js';
