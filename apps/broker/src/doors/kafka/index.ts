export type { KafkaDoorCounters } from './counters.js';
export type { KafkaListener } from './handler.js';
export { KafkaDoor, type KafkaDoorOptions } from './kafka-door.js';
export { DEFAULT_KAFKA_DOOR_LIMITS, type KafkaDoorLimits } from './limits.js';
export { ReplicaClient, type ReplicaClientOptions } from './replica-client.js';
