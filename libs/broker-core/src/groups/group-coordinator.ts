import type { GroupVerbs } from '../group-verbs.js';

/** All of one group's member metadata and assignments: one record must stay below max.message.bytes of `__consumer_offsets`. */
export const GROUP_METADATA_BYTES_MAX = 8 * 1_048_576;

export type GroupCoordinator = GroupVerbs;
