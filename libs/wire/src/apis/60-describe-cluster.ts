/**
 * DescribeCluster (key 60), versions 0-1 (KIP-700).
 *
 * v1 asks for brokers or for controllers (KIP-919).
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, bool, int8, int16, int32, string, struct } from '../schema/fields.js';
import { NO_AUTHORIZED_OPERATIONS } from './03-metadata.js';

export const describeClusterApi = api({
  key: 60,
  name: 'DescribeCluster',
  versions: '0-1',
  flexible: '0+',
  request: struct({
    includeClusterAuthorizedOperations: bool(),
    /** 1 brokers, 2 controllers. */
    endpointType: int8({ versions: '1+', default: 1 }),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+', default: null }),
    endpointType: int8({ versions: '1+', default: 1 }),
    clusterId: string(),
    controllerId: int32({ default: -1 }),
    brokers: array(
      struct({
        brokerId: int32(),
        host: string(),
        port: int32(),
        rack: string({ nullable: '0+', default: null }),
      }),
    ),
    clusterAuthorizedOperations: int32({ default: NO_AUTHORIZED_OPERATIONS }),
  }),
});

export type DescribeClusterRequestBody = RequestOf<typeof describeClusterApi>;
export type DescribeClusterRequestValue = RequestBodyOf<typeof describeClusterApi>;
export type DescribeClusterResponseBody = ResponseOf<typeof describeClusterApi>;
export type DescribeClusterResponseValue = ResponseBodyOf<typeof describeClusterApi>;
