/** DeleteGroups: every group once, however often it is named. */
import type { KafkaErrorName } from '#kernel';
import { type DeleteGroupsRequestBody, type DeleteGroupsResponseValue, deleteGroupsApi } from '#wire';
import type { Handler } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';
import { MANY_GROUPS_LIMITATION, manyGroups } from './many-groups.js';

export const deleteGroupsHandler: Handler<typeof deleteGroupsApi> = {
  api: deleteGroupsApi,
  limitations: [MANY_GROUPS_LIMITATION],

  async handle(environment, { body, context, version }) {
    const { groups } = environment.broker;
    const refuse = (groupId: string, error: KafkaErrorName) => ({ groupId, error });
    const results = await manyGroups(environment, groupIdsOf(body), (some) => groups.delete(context, some), refuse);
    return answer(version, results);
  },

  failed({ body, version }, error) {
    return answer(
      version,
      groupIdsOf(body).map((groupId) => ({ groupId, error })),
    );
  },
};

function groupIdsOf(body: DeleteGroupsRequestBody): string[] {
  return [...new Set(body.groupsNames)];
}

function answer(
  version: number,
  results: readonly { readonly groupId: string; readonly error: KafkaErrorName }[],
): DeleteGroupsResponseValue {
  return {
    results: results.map(({ groupId, error }) => ({ groupId, errorCode: wireErrorCode(deleteGroupsApi.key, version, error) })),
  };
}
