/** OffsetDelete: an error of the group, or one for each partition. */
import { offsetDeleteApi } from '#wire';
import type { Handler } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';
import { byTopic } from './by-topic.js';

export const offsetDeleteHandler: Handler<typeof offsetDeleteApi> = {
  api: offsetDeleteApi,
  limitations: [],

  async handle({ broker }, { body, context, version }) {
    const { error, partitions } = await broker.groups.deleteOffsets(context, {
      groupId: body.groupId,
      partitions: body.topics.flatMap(({ name, partitions: asked }) =>
        asked.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })),
      ),
    });
    const topics = byTopic(
      error === 'NONE' ? partitions : [],
      (each) => ({ partitionIndex: each.partition, errorCode: wireErrorCode(offsetDeleteApi.key, version, each.error) }),
      (name, of) => ({ name, partitions: of }),
    );
    return { errorCode: wireErrorCode(offsetDeleteApi.key, version, error), topics };
  },

  failed: ({ version }, error) => ({ errorCode: wireErrorCode(offsetDeleteApi.key, version, error), topics: [] }),
};
