/** ListOffsets: special timestamps are allowed only where their version knows them; the rest is the verb's. */
import type { ListOffsetsRequest, ListOffsetsResponse } from '#broker-core';
import type { KafkaErrorName } from '#kernel';
import { type ListOffsetsRequestBody, type ListOffsetsResponseValue, listOffsetsApi } from '#wire';
import type { Handler, KafkaRequest } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';

type Request = KafkaRequest<ListOffsetsRequestBody>;
type Asked = ListOffsetsRequest['partitions'][number];
type Result = ListOffsetsResponse['partitions'][number];

const LATEST = -1;
const EARLIEST = -2;
const LATEST_TIERED = -5;
/** The first version of each special timestamp; every time >= 0 is fine. */
const FIRST_VERSIONS = new Map([
  [LATEST, 1],
  [EARLIEST, 1],
  [-3, 7],
  [-4, 8],
  [LATEST_TIERED, 9],
]);

export const listOffsetsHandler: Handler<typeof listOffsetsApi> = {
  api: listOffsetsApi,
  limitations: ['Nothing is tiered: timestamp -5 finds no offset (-1), and -4 is the same as -2.'],

  async handle({ broker }, request) {
    const { body, version } = request;
    if (body.isolationLevel !== 0 && body.isolationLevel !== 1) return failure(request, 'INVALID_REQUEST');
    const asked = flatten(body);
    const again = askedAgain(asked);
    const errors = asked.map(({ timestamp }, i): KafkaErrorName => {
      if (again[i]) return 'INVALID_REQUEST';
      return timestamp >= 0 || version >= (FIRST_VERSIONS.get(timestamp) ?? Infinity) ? 'NONE' : 'UNSUPPORTED_VERSION';
    });
    const { partitions } = await broker.listOffsets(request.context, {
      isolation: body.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted',
      partitions: asked.filter((_, i) => errors[i] === 'NONE').map(withoutTiers),
    });
    let next = 0;
    const results = asked.map((each, i) => (errors[i] === 'NONE' ? tiered(each, partitions[next++]!) : refused(each, errors[i]!)));
    return answer(request, results);
  },

  failed: failure,
};

function flatten(body: ListOffsetsRequestBody): Asked[] {
  return body.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, currentLeaderEpoch, timestamp }) => ({
      topic: name,
      partition: partitionIndex,
      currentLeaderEpoch,
      timestamp,
    })),
  );
}

/** As Kafka does: a look-up by time reads from disk, so a request is served once for each partition that really exists. */
function askedAgain(asked: readonly Asked[]): boolean[] {
  const counts = new Map<string, number>();
  const key = ({ topic, partition }: Asked) => `${topic}-${partition}`;
  for (const each of asked) counts.set(key(each), (counts.get(key(each)) ?? 0) + 1);
  return asked.map((each) => counts.get(key(each))! > 1);
}

/** "Latest tiered" is asked as "latest", so that topic, leader and epoch are checked, and then answered with "none". */
function withoutTiers(asked: Asked): Asked {
  return asked.timestamp === LATEST_TIERED ? { ...asked, timestamp: LATEST } : asked;
}

function tiered(asked: Asked, result: Result): Result {
  return asked.timestamp === LATEST_TIERED && result.error === 'NONE' ? refused(asked, 'NONE') : result;
}

function refused({ topic, partition }: Asked, error: KafkaErrorName): Result {
  return { topic, partition, error, offset: -1, timestamp: -1, leaderEpoch: -1 };
}

function failure(request: Request, error: KafkaErrorName): ListOffsetsResponseValue {
  return answer(
    request,
    flatten(request.body).map((asked) => refused(asked, error)),
  );
}

/** `results` in the order of the request's partitions. */
function answer({ body, version }: Request, results: readonly Result[]): ListOffsetsResponseValue {
  let next = 0;
  const topics = body.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(() => {
      const { partition, error, timestamp, offset, leaderEpoch } = results[next++]!;
      return { partitionIndex: partition, errorCode: wireErrorCode(listOffsetsApi.key, version, error), timestamp, offset, leaderEpoch };
    }),
  }));
  return { topics };
}
