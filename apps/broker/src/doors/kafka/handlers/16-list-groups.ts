/** ListGroups: those that this broker coordinates. Filters are words without regard to case; what they do not know matches nothing. */
import { GROUP_STATES, type GroupStateName } from '#groups';
import { listGroupsApi } from '#wire';
import type { Handler } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';

const ONLY_TYPE = 'classic';

export const listGroupsHandler: Handler<typeof listGroupsApi> = {
  api: listGroupsApi,
  limitations: ['Every group is of type classic; the protocol of KIP-848 does not exist.'],

  async handle({ broker }, { body, context, version }) {
    const isTypeAsked = body.typesFilter.length === 0 || matches(body.typesFilter, ONLY_TYPE);
    const { error, groups } = await broker.groups.list(context, isTypeAsked ? statesOf(body.statesFilter) : []);
    return {
      errorCode: wireErrorCode(listGroupsApi.key, version, error),
      groups: groups.map(({ groupId, protocolType, state, groupType }) => ({ groupId, protocolType, groupState: state, groupType })),
    };
  },

  failed: ({ version }, error) => ({ errorCode: wireErrorCode(listGroupsApi.key, version, error), groups: [] }),

  // There may be very many groups: not many such answers are made at once.
  replyBytesMax: () => Number.POSITIVE_INFINITY,
};

function statesOf(filter: readonly string[]): readonly GroupStateName[] | null {
  return filter.length === 0 ? null : GROUP_STATES.filter((state) => matches(filter, state));
}

function matches(filter: readonly string[], word: string): boolean {
  return filter.some((each) => each.toLowerCase() === word.toLowerCase());
}
