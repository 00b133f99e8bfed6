/** InitProducerId without a transactional id: a fresh id and epoch 0, whatever id the client held. */
import { initProducerIdApi } from '#wire';
import type { Handler } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';

const NONE = -1;
const failure = (version: number, error: Parameters<typeof wireErrorCode>[2]) => ({
  errorCode: wireErrorCode(initProducerIdApi.key, version, error),
  producerId: NONE,
  producerEpoch: NONE,
});

export const initProducerIdHandler: Handler<typeof initProducerIdApi> = {
  api: initProducerIdApi,
  limitations: ['Transactional ids are passed to the broker, which refuses them until transactions exist.'],

  async handle({ broker }, { body, context, version }) {
    const { transactionalId, producerId, producerEpoch } = body;
    if (transactionalId === '') return failure(version, 'INVALID_REQUEST');
    if ((producerId === NONE) !== (producerEpoch === NONE)) return failure(version, 'INVALID_REQUEST');
    const result = await broker.initProducerId(context, { transactionalId });
    return {
      errorCode: wireErrorCode(initProducerIdApi.key, version, result.error),
      producerId: result.producerId,
      producerEpoch: result.producerEpoch,
    };
  },

  failed: ({ version }, error) => failure(version, error),
};
