export { COMMAND_TIMEOUT_MS } from './redis-connection.js';
export { RedisMetadataLog, type RedisMetadataLogOptions } from './redis-metadata-log.js';
