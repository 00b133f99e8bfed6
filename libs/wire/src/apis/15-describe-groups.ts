/**
 * DescribeGroups (key 15), versions 0-6.
 *
 * v1 throttle time · v3 authorized operations · v4 static members · v5 flexible · v6 a message, and GROUP_ID_NOT_FOUND
 * instead of a group in state Dead (KIP-1043).
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, bool, bytes, int16, int32, string, struct } from '../schema/fields.js';
import { NO_AUTHORIZED_OPERATIONS } from './03-metadata.js';

export const describeGroupsApi = api({
  key: 15,
  name: 'DescribeGroups',
  versions: '0-6',
  flexible: '5+',
  request: struct({
    groups: array(string()),
    includeAuthorizedOperations: bool({ versions: '3+', default: false }),
  }),
  response: struct({
    throttleTimeMs: int32({ versions: '1+', default: 0 }),
    groups: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ versions: '6+', nullable: '6+', default: null }),
        groupId: string(),
        groupState: string(),
        protocolType: string(),
        protocolData: string(),
        members: array(
          struct({
            memberId: string(),
            groupInstanceId: string({ versions: '4+', nullable: '4+', default: null }),
            clientId: string(),
            clientHost: string(),
            memberMetadata: bytes(),
            memberAssignment: bytes(),
          }),
        ),
        authorizedOperations: int32({ versions: '3+', default: NO_AUTHORIZED_OPERATIONS }),
      }),
    ),
  }),
});

export type DescribeGroupsRequestBody = RequestOf<typeof describeGroupsApi>;
export type DescribeGroupsRequestValue = RequestBodyOf<typeof describeGroupsApi>;
export type DescribeGroupsResponseBody = ResponseOf<typeof describeGroupsApi>;
export type DescribeGroupsResponseValue = ResponseBodyOf<typeof describeGroupsApi>;
