/** Handlers by api key. Every API that is described must have one (handlers.spec in the door's spec checks it). */
import { erased, type Handler } from '../handler.js';
import { produceHandler } from './00-produce.js';
import { fetchHandler } from './01-fetch.js';
import { listOffsetsHandler } from './02-list-offsets.js';
import { metadataHandler } from './03-metadata.js';
import { offsetCommitHandler } from './08-offset-commit.js';
import { offsetFetchHandler } from './09-offset-fetch.js';
import { findCoordinatorHandler } from './10-find-coordinator.js';
import { joinGroupHandler } from './11-join-group.js';
import { heartbeatHandler } from './12-heartbeat.js';
import { leaveGroupHandler } from './13-leave-group.js';
import { syncGroupHandler } from './14-sync-group.js';
import { describeGroupsHandler } from './15-describe-groups.js';
import { listGroupsHandler } from './16-list-groups.js';
import { apiVersionsHandler } from './18-api-versions.js';
import { createTopicsHandler } from './19-create-topics.js';
import { deleteTopicsHandler } from './20-delete-topics.js';
import { initProducerIdHandler } from './22-init-producer-id.js';
import { offsetForLeaderEpochHandler } from './23-offset-for-leader-epoch.js';
import { describeConfigsHandler } from './32-describe-configs.js';
import { alterConfigsHandler } from './33-alter-configs.js';
import { createPartitionsHandler } from './37-create-partitions.js';
import { deleteGroupsHandler } from './42-delete-groups.js';
import { incrementalAlterConfigsHandler } from './44-incremental-alter-configs.js';
import { offsetDeleteHandler } from './47-offset-delete.js';
import { describeClusterHandler } from './60-describe-cluster.js';
import { describeTopicPartitionsHandler } from './75-describe-topic-partitions.js';

export const HANDLERS: readonly (Handler | undefined)[] = byKey([
  erased(produceHandler),
  erased(fetchHandler),
  erased(listOffsetsHandler),
  erased(metadataHandler),
  erased(offsetCommitHandler),
  erased(offsetFetchHandler),
  erased(findCoordinatorHandler),
  erased(joinGroupHandler),
  erased(heartbeatHandler),
  erased(leaveGroupHandler),
  erased(syncGroupHandler),
  erased(describeGroupsHandler),
  erased(listGroupsHandler),
  erased(apiVersionsHandler),
  erased(createTopicsHandler),
  erased(deleteTopicsHandler),
  erased(initProducerIdHandler),
  erased(offsetForLeaderEpochHandler),
  erased(describeConfigsHandler),
  erased(alterConfigsHandler),
  erased(createPartitionsHandler),
  erased(deleteGroupsHandler),
  erased(incrementalAlterConfigsHandler),
  erased(offsetDeleteHandler),
  erased(describeClusterHandler),
  erased(describeTopicPartitionsHandler),
]);

function byKey(handlers: readonly Handler[]): (Handler | undefined)[] {
  const table: (Handler | undefined)[] = [];
  for (const handler of handlers) table[handler.api.key] = handler;
  return Array.from(table);
}
