/** OffsetCommit: flattens topics into partitions, one verb, and back. A partition that is named twice is committed twice, in order. */
import type { OffsetCommitRequest, OffsetCommitResponse } from '#groups';
import { type OffsetCommitRequestBody, type OffsetCommitResponseValue, offsetCommitApi } from '#wire';
import type { Handler } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';
import { byTopic } from './by-topic.js';

type Asked = OffsetCommitRequest['partitions'][number];

export const offsetCommitHandler: Handler<typeof offsetCommitApi> = {
  api: offsetCommitApi,
  limitations: [
    'The retention time of versions 2-4 is ignored: offsets.retention.minutes of the broker counts for every commit.',
    'Metadata that is null is kept, and given back, as the empty string.',
  ],

  async handle({ broker }, { body, context, version }) {
    const { partitions } = await broker.groups.commitOffsets(context, {
      groupId: body.groupId,
      generationId: body.generationIdOrMemberEpoch,
      memberId: body.memberId,
      groupInstanceId: body.groupInstanceId,
      partitions: flatten(body),
    });
    return answer(version, partitions);
  },

  failed({ body, version }, error) {
    const results = flatten(body).map(({ topic, partition }) => ({ topic, partition, error }));
    return answer(version, results);
  },
};

function flatten(body: OffsetCommitRequestBody): Asked[] {
  return body.topics.flatMap(({ name, partitions }) =>
    partitions.map((asked) => ({
      topic: name,
      partition: asked.partitionIndex,
      offset: asked.committedOffset,
      leaderEpoch: asked.committedLeaderEpoch,
      metadata: asked.committedMetadata ?? '',
    })),
  );
}

function answer(version: number, results: OffsetCommitResponse['partitions']): OffsetCommitResponseValue {
  const topics = byTopic(
    results,
    ({ partition, error }) => ({ partitionIndex: partition, errorCode: wireErrorCode(offsetCommitApi.key, version, error) }),
    (name, partitions) => ({ name, partitions }),
  );
  return { topics };
}
