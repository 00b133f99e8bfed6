export * from './metadata-log.js';
export * from './records.js';
