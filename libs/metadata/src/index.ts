export * from './decisions/index.js';
export * from './delta.js';
export * from './embedded-metadata-log.js';
export { decodeChecked, encodeChecked } from './entry-file.js';
export * from './image.js';
export * from './metadata-copy.js';
export * from './metadata-log.js';
export * from './new-history.js';
export * from './records.js';
