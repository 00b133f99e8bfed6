/** OffsetForLeaderEpoch: where leader epochs ended in the leader's log, for who wants to know whether it read what was cut off. */
import type { OffsetsForLeaderEpochsRequest, OffsetsForLeaderEpochsResponse } from '#broker-core';
import { type OffsetForLeaderEpochRequestBody, type OffsetForLeaderEpochResponseValue, offsetForLeaderEpochApi } from '#wire';
import type { Handler } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';
import { byTopic } from './by-topic.js';

type Asked = OffsetsForLeaderEpochsRequest['partitions'][number];

export const offsetForLeaderEpochHandler: Handler<typeof offsetForLeaderEpochApi> = {
  api: offsetForLeaderEpochApi,
  limitations: ['The replica id is read and not used: everybody is answered alike, and by leaders only.'],

  async handle({ broker }, { body, context, version }) {
    const { partitions } = await broker.admin.offsetsForLeaderEpochs(context, { partitions: flatten(body) });
    return answer(version, partitions);
  },

  failed({ body, version }, error) {
    const results = flatten(body).map(({ topic, partition }) => ({ topic, partition, error, leaderEpoch: -1, endOffset: -1 }));
    return answer(version, results);
  },
};

function flatten(body: OffsetForLeaderEpochRequestBody): Asked[] {
  return body.topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => ({ topic, partition, currentLeaderEpoch, leaderEpoch })),
  );
}

function answer(version: number, results: OffsetsForLeaderEpochsResponse['partitions']): OffsetForLeaderEpochResponseValue {
  const topics = byTopic(
    results,
    ({ partition, error, leaderEpoch, endOffset }) => ({
      partition,
      errorCode: wireErrorCode(offsetForLeaderEpochApi.key, version, error),
      leaderEpoch,
      endOffset,
    }),
    (topic, partitions) => ({ topic, partitions }),
  );
  return { topics };
}
