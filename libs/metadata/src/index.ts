export * from './delta.js';
export * from './image.js';
export * from './metadata-log.js';
export * from './records.js';
