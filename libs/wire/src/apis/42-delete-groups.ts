/**
 * DeleteGroups (key 42), versions 0-2.
 *
 * v2 flexible.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, int16, int32, string, struct } from '../schema/fields.js';

export const deleteGroupsApi = api({
  key: 42,
  name: 'DeleteGroups',
  versions: '0-2',
  flexible: '2+',
  request: struct({ groupsNames: array(string()) }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    results: array(struct({ groupId: string(), errorCode: int16() })),
  }),
});

export type DeleteGroupsRequestBody = RequestOf<typeof deleteGroupsApi>;
export type DeleteGroupsRequestValue = RequestBodyOf<typeof deleteGroupsApi>;
export type DeleteGroupsResponseBody = ResponseOf<typeof deleteGroupsApi>;
export type DeleteGroupsResponseValue = ResponseBodyOf<typeof deleteGroupsApi>;
