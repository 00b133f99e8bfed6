export type { LeaderView } from './answers.js';
export { leaderView, metadataAnswer } from './answers.js';
export { ClusterCoordinator } from './cluster-coordinator.js';
export {
  type ClusterCoordinatorOptions,
  type CoordinatorConfig,
  type CoordinatorReport,
  type CoordinatorSeams,
  type CoordinatorState,
  DEFAULT_COORDINATOR_CONFIG,
  type OffsetsTopicConfig,
} from './config.js';
export { FailureDetector } from './failure-detector.js';
