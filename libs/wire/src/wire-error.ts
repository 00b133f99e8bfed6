import { YakError } from '#kernel';

/**
 * Bytes that are not what Kafka's grammar says, or that ask for more than a named limit. The only thing that decoding
 * throws: whoever holds the connection closes it. Encoding our own values wrongly is a bug and fails an assert instead.
 */
export class WireError extends YakError {
  constructor(message: string) {
    super('MALFORMED_FRAME', message);
    this.name = 'WireError';
  }
}
