/**
 * OffsetFetch: one group below v8, many from there, one verb for each. The answer of a group grows with the metadata of its
 * commits, so nothing is said twice: a partition is answered once, and a group that is named again is refused.
 */
import type { CommittedPartition, OffsetFetchResponse, TopicPartition } from '#groups';
import { KafkaError, type KafkaErrorName, type RequestContext } from '#kernel';
import { type OffsetFetchRequestBody, type OffsetFetchResponseValue, offsetFetchApi } from '#wire';
import type { Handler, HandlerEnvironment, KafkaRequest } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';
import { byTopic } from './by-topic.js';
import { MANY_GROUPS_LIMITATION, manyGroups } from './many-groups.js';

type Request = KafkaRequest<OffsetFetchRequestBody>;
type AskedTopics = OffsetFetchRequestBody['topics'];
interface AskedGroup {
  readonly groupId: string;
  readonly topics: AskedTopics;
}

const FIRST_GROUP_ERROR_VERSION = 2;
const FIRST_MANY_GROUPS_VERSION = 8;

export const offsetFetchHandler: Handler<typeof offsetFetchApi> = {
  api: offsetFetchApi,
  limitations: [
    MANY_GROUPS_LIMITATION,
    'A partition that is asked for more than once is answered once; a group that is named again in one request is answered INVALID_REQUEST.',
    'No offset is ever unstable, as there are no transactions. Member id and epoch of v9 belong to KIP-848 and are not used.',
  ],

  async handle(environment, request) {
    const seen = new Set<string>();
    const fetchOnce = async (group: AskedGroup): Promise<OffsetFetchResponse> => {
      if (seen.has(group.groupId)) return failedGroup('INVALID_REQUEST');
      seen.add(group.groupId);
      return fetchGroup(environment, request.context, group, request.body.requireStable);
    };
    const fetchAll = (some: readonly AskedGroup[]) => Promise.all(some.map(fetchOnce));
    return answer(request, await manyGroups(environment, groupsOf(request), fetchAll, (_group, error) => failedGroup(error)));
  },

  failed(request, error) {
    return answer(
      request,
      groupsOf(request).map(() => failedGroup(error)),
    );
  },

  // Every commit of a group, with its metadata: not many such answers are made at once.
  replyBytesMax: ({ topics, groups }) => (topics === null || groups.length > 0 ? Number.POSITIVE_INFINITY : 0),
};

function groupsOf({ body, version }: Request): readonly AskedGroup[] {
  return version < FIRST_MANY_GROUPS_VERSION ? [body] : body.groups;
}

async function fetchGroup(
  { broker }: HandlerEnvironment,
  context: RequestContext,
  { groupId, topics }: AskedGroup,
  requireStable: boolean,
): Promise<OffsetFetchResponse> {
  try {
    return await broker.groups.fetchOffsets(context, { groupId, partitions: topics === null ? null : flattenOnce(topics), requireStable });
  } catch (failure) {
    // One group's coordinator may be elsewhere while another's is here.
    if (failure instanceof KafkaError) return failedGroup(failure.error);
    throw failure;
  }
}

function failedGroup(error: KafkaErrorName): OffsetFetchResponse {
  return { error, partitions: [] };
}

function flattenOnce(topics: NonNullable<AskedTopics>): TopicPartition[] {
  const partitions = new Map<string, TopicPartition>();
  for (const { name: topic, partitionIndexes } of topics) {
    for (const partition of partitionIndexes) partitions.set(`${partition} ${topic}`, { topic, partition });
  }
  return [...partitions.values()];
}

function answer({ body, version }: Request, results: readonly OffsetFetchResponse[]): OffsetFetchResponseValue {
  if (version >= FIRST_MANY_GROUPS_VERSION) {
    const groups = body.groups.map(({ groupId }, i) => ({ groupId, ...groupAnswer(version, results[i]!) }));
    return { groups };
  }
  const [result] = results;
  if (version >= FIRST_GROUP_ERROR_VERSION) return groupAnswer(version, result!);
  return result!.error === 'NONE'
    ? { topics: topicsAnswer(version, result!.partitions) }
    : { topics: failedTopics(body, version, result!.error) };
}

function groupAnswer(version: number, { error, partitions }: OffsetFetchResponse) {
  return {
    errorCode: wireErrorCode(offsetFetchApi.key, version, error),
    topics: error === 'NONE' ? topicsAnswer(version, partitions) : [],
  };
}

/** v1 has no room for an error of the group: every partition says it. */
function failedTopics({ topics }: OffsetFetchRequestBody, version: number, error: KafkaErrorName) {
  const nothing = { offset: -1, leaderEpoch: -1, metadata: '', committedAtMs: 0, error };
  return topicsAnswer(
    version,
    flattenOnce(topics!).map((asked) => ({ ...asked, ...nothing })),
  );
}

function topicsAnswer(version: number, results: readonly CommittedPartition[]) {
  return byTopic(
    results,
    ({ partition, offset, leaderEpoch, metadata, error }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      metadata,
      errorCode: wireErrorCode(offsetFetchApi.key, version, error),
    }),
    (name, partitions) => ({ name, partitions }),
  );
}
