export * from './event-stream.js';
export * from './http-door.js';
export * from './leader-feed.js';
export * from './loop-delay.js';
export * from './metrics.js';
