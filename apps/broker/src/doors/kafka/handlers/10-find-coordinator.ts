/** FindCoordinator: where a group's coordinator is, on the listener that was asked. One key below v4, many from there. */
import type { FindCoordinatorsRequest, FoundCoordinator } from '#broker-core';
import type { KafkaErrorName } from '#kernel';
import { type FindCoordinatorRequestBody, type FindCoordinatorResponseValue, findCoordinatorApi } from '#wire';
import type { Handler, KafkaRequest } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';
import { MANY_GROUPS_LIMITATION, manyGroups } from './many-groups.js';

type Request = KafkaRequest<FindCoordinatorRequestBody>;

const FIRST_MANY_KEYS_VERSION = 4;
const KEY_TYPES = new Map<number, FindCoordinatorsRequest['keyType']>([
  [0, 'group'],
  [1, 'transaction'],
]);

export const findCoordinatorHandler: Handler<typeof findCoordinatorApi> = {
  api: findCoordinatorApi,
  limitations: [
    MANY_GROUPS_LIMITATION,
    'Key types are 0 (group) and 1 (transaction); another one is answered INVALID_REQUEST.',
    'Transactional ids are passed to the broker, which refuses them until transactions exist.',
  ],

  async handle(environment, request) {
    const keyType = KEY_TYPES.get(request.body.keyType);
    if (keyType === undefined) return failure(request, 'INVALID_REQUEST', `key type ${request.body.keyType} is not known`);
    const ask = (keys: readonly string[]) => environment.broker.groups.findCoordinators(request.context, { keyType, keys });
    const found = await manyGroups(environment, keysOf(request), ask, nowhere);
    return answer(request, found);
  },

  failed: (request, error) => failure(request, error),
};

function keysOf({ body, version }: Request): readonly string[] {
  return version < FIRST_MANY_KEYS_VERSION ? [body.key] : body.coordinatorKeys;
}

function failure(request: Request, error: KafkaErrorName, message?: string): FindCoordinatorResponseValue {
  const found = keysOf(request).map((key) => nowhere(key, error, message));
  return answer(request, found);
}

function nowhere(key: string, error: KafkaErrorName, message?: string): FoundCoordinator {
  return { key, error, brokerId: -1, endpoint: null, ...(message === undefined ? {} : { message }) };
}

function answer(request: Request, found: readonly FoundCoordinator[]): FindCoordinatorResponseValue {
  const coordinators = found.map((each) => coordinator(request.version, each));
  return request.version < FIRST_MANY_KEYS_VERSION ? coordinators[0]! : { coordinators };
}

function coordinator(version: number, { key, error, message, brokerId, endpoint }: FoundCoordinator) {
  const isFound = error === 'NONE' && endpoint !== null;
  const { host, port } = isFound ? endpoint : { host: '', port: -1 };
  return {
    key,
    nodeId: isFound ? brokerId : -1,
    host,
    port,
    errorCode: wireErrorCode(findCoordinatorApi.key, version, isFound || error !== 'NONE' ? error : 'COORDINATOR_NOT_AVAILABLE'),
    errorMessage: message ?? null,
  };
}
