export { type LeaderRow, LeadersPublisher, type LeadersPublisherOptions } from './leaders-publisher.js';
export { COMMAND_TIMEOUT_MS } from './redis-client.js';
export { NOT_SET_UP } from './redis-link.js';
export { RedisMetadataLog, type RedisMetadataLogOptions } from './redis-metadata-log.js';
