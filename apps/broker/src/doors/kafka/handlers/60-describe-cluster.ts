/** DescribeCluster: the brokers that run, with the addresses of the listener that was asked. */
import { type DescribeClusterResponseValue, describeClusterApi, ERROR_CODES, errorCode } from '#wire';
import type { Handler } from '../handler.js';
import { nodeEndpoint } from './node-endpoints.js';

const BROKERS = 1;
const CONTROLLERS = 2;

export const describeClusterHandler: Handler<typeof describeClusterApi> = {
  api: describeClusterApi,
  limitations: [
    'Authorized operations are not told (-2147483648), asked or not.',
    'The controller is a broker that takes admin calls. Asked for controllers (KIP-919), a broker answers MISMATCHED_ENDPOINT_TYPE.',
  ],

  async handle({ broker }, { body, context }) {
    const { endpointType } = body;
    if (endpointType === CONTROLLERS) return refused(ERROR_CODES.MISMATCHED_ENDPOINT_TYPE.code, 'this is a broker, not a controller');
    if (endpointType !== BROKERS) return refused(errorCode('UNSUPPORTED_ENDPOINT_TYPE'), `there is no endpoint type ${endpointType}`);
    const view = await broker.cluster(context, { topics: [], allowAutoTopicCreation: false });
    return {
      errorCode: 0,
      clusterId: view.clusterId,
      controllerId: view.controllerId,
      brokers: view.brokers.map((each) => {
        const { nodeId, ...endpoint } = nodeEndpoint(each);
        return { brokerId: nodeId, ...endpoint };
      }),
    };
  },

  failed: (_request, error) => refused(errorCode(error), null),
};

function refused(code: number, errorMessage: string | null): DescribeClusterResponseValue {
  return { errorCode: code, errorMessage, clusterId: '', brokers: [] };
}
