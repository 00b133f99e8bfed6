/**
 * ListGroups (key 16), versions 0-5.
 *
 * v1 throttle time · v3 flexible · v4 a filter by state, and the state (KIP-518) · v5 the same for types (KIP-848).
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, int16, int32, string, struct } from '../schema/fields.js';

export const listGroupsApi = api({
  key: 16,
  name: 'ListGroups',
  versions: '0-5',
  flexible: '3+',
  request: struct({
    statesFilter: array(string(), { versions: '4+', default: [] }),
    typesFilter: array(string(), { versions: '5+', default: [] }),
  }),
  response: struct({
    throttleTimeMs: int32({ versions: '1+', default: 0 }),
    errorCode: int16(),
    groups: array(
      struct({
        groupId: string(),
        protocolType: string(),
        groupState: string({ versions: '4+', default: '' }),
        groupType: string({ versions: '5+', default: '' }),
      }),
    ),
  }),
});

export type ListGroupsRequestBody = RequestOf<typeof listGroupsApi>;
export type ListGroupsRequestValue = RequestBodyOf<typeof listGroupsApi>;
export type ListGroupsResponseBody = ResponseOf<typeof listGroupsApi>;
export type ListGroupsResponseValue = ResponseBodyOf<typeof listGroupsApi>;
