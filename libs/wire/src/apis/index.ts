/** All APIs that YaK speaks, by key. The list of files in this folder is the protocol table. */
import type { Api } from '../api.js';
import { produceApi } from './00-produce.js';
import { fetchApi } from './01-fetch.js';
import { listOffsetsApi } from './02-list-offsets.js';
import { metadataApi } from './03-metadata.js';
import { offsetCommitApi } from './08-offset-commit.js';
import { offsetFetchApi } from './09-offset-fetch.js';
import { findCoordinatorApi } from './10-find-coordinator.js';
import { joinGroupApi } from './11-join-group.js';
import { heartbeatApi } from './12-heartbeat.js';
import { leaveGroupApi } from './13-leave-group.js';
import { syncGroupApi } from './14-sync-group.js';
import { describeGroupsApi } from './15-describe-groups.js';
import { listGroupsApi } from './16-list-groups.js';
import { apiVersionsApi } from './18-api-versions.js';
import { createTopicsApi } from './19-create-topics.js';
import { deleteTopicsApi } from './20-delete-topics.js';
import { initProducerIdApi } from './22-init-producer-id.js';
import { offsetForLeaderEpochApi } from './23-offset-for-leader-epoch.js';
import { describeConfigsApi } from './32-describe-configs.js';
import { alterConfigsApi } from './33-alter-configs.js';
import { createPartitionsApi } from './37-create-partitions.js';
import { deleteGroupsApi } from './42-delete-groups.js';
import { incrementalAlterConfigsApi } from './44-incremental-alter-configs.js';
import { offsetDeleteApi } from './47-offset-delete.js';
import { describeClusterApi } from './60-describe-cluster.js';
import { describeTopicPartitionsApi } from './75-describe-topic-partitions.js';

export * from './00-produce.js';
export * from './01-fetch.js';
export * from './02-list-offsets.js';
export * from './03-metadata.js';
export * from './08-offset-commit.js';
export * from './09-offset-fetch.js';
export * from './10-find-coordinator.js';
export * from './11-join-group.js';
export * from './12-heartbeat.js';
export * from './13-leave-group.js';
export * from './14-sync-group.js';
export * from './15-describe-groups.js';
export * from './16-list-groups.js';
export * from './18-api-versions.js';
export * from './19-create-topics.js';
export * from './20-delete-topics.js';
export * from './22-init-producer-id.js';
export * from './23-offset-for-leader-epoch.js';
export * from './32-describe-configs.js';
export * from './33-alter-configs.js';
export * from './37-create-partitions.js';
export * from './42-delete-groups.js';
export * from './44-incremental-alter-configs.js';
export * from './47-offset-delete.js';
export * from './60-describe-cluster.js';
export * from './75-describe-topic-partitions.js';

export const ALL_APIS: readonly Api[] = [
  produceApi,
  fetchApi,
  listOffsetsApi,
  metadataApi,
  offsetCommitApi,
  offsetFetchApi,
  findCoordinatorApi,
  joinGroupApi,
  heartbeatApi,
  leaveGroupApi,
  syncGroupApi,
  describeGroupsApi,
  listGroupsApi,
  apiVersionsApi,
  createTopicsApi,
  deleteTopicsApi,
  initProducerIdApi,
  offsetForLeaderEpochApi,
  describeConfigsApi,
  alterConfigsApi,
  createPartitionsApi,
  deleteGroupsApi,
  incrementalAlterConfigsApi,
  offsetDeleteApi,
  describeClusterApi,
  describeTopicPartitionsApi,
];
