/**
 * Asks questions that any process may answer: known brokers and bootstrap addresses, one after another until one answers.
 * The one that answered last is asked first; addresses that failed come last, the longest-failed of them first.
 */
import { YakError } from '#kernel';
import type { PatternKey, RpcMessages } from '#rpc';
import type { Address } from '#seams';
import { formatAddress } from '#seams';
import type { ClusterMetadata } from './cluster-metadata.js';
import type { ConnectionPool } from './connection-pool.js';

/** Another process may answer what this one cannot. Everything else is the answer. */
const ASK_ANOTHER = new Set([
  'NOT_ACTIVE',
  'UNAVAILABLE',
  'BUSY',
  'INTERNAL',
  'UNKNOWN_PATTERN',
  'REQUEST_TIMEOUT',
  'CONNECTION_CLOSED',
  'MALFORMED_FRAME',
]);
const UNKNOWN_OUTCOME = new Set(['REQUEST_TIMEOUT', 'CONNECTION_CLOSED', 'MALFORMED_FRAME', 'INTERNAL']);

export interface AskOptions {
  /** One attempt at one process. */
  readonly attemptTimeoutMs: number;
  /** Asked last: processes that are suspected to be frozen. */
  readonly avoid?: readonly Address[];
  /** Only brokers can answer it: as soon as one is known, bootstrap addresses are not asked. */
  readonly isForBrokers?: boolean;
  /** Told when an attempt was lost after it may have been executed. */
  readonly unknownOutcome?: () => void;
}

export class AnyNode {
  private preferred: string | null = null;

  constructor(
    private readonly pool: ConnectionPool,
    private readonly metadata: ClusterMetadata,
    private readonly bootstrap: readonly Address[],
  ) {}

  /** Rejects with the last error when nobody answered, or with the first that asking another would not change. */
  async ask<K extends PatternKey>(pattern: K, request: RpcMessages[K][0], options: AskOptions): Promise<RpcMessages[K][1]> {
    let lastError: unknown = new YakError('UNAVAILABLE', 'no address to ask');
    for (const address of this.candidates(options.avoid ?? [], options.isForBrokers ?? false)) {
      try {
        const client = await this.pool.get(address, 'metadata');
        const response = await client.request(pattern, request, { timeoutMs: options.attemptTimeoutMs });
        this.pool.succeeded(address);
        this.preferred = formatAddress(address);
        return response;
      } catch (error) {
        if (error instanceof YakError && error.code === 'CLIENT_CLOSED') throw error;
        this.failed(address, error);
        if (!this.isWorthRepeating(error)) throw error;
        if (error instanceof YakError && UNKNOWN_OUTCOME.has(error.code)) options.unknownOutcome?.();
        lastError = error;
      }
    }
    throw lastError;
  }

  /** Errors of dialling always mean: try elsewhere. */
  isWorthRepeating(error: unknown): boolean {
    return !(error instanceof YakError) || ASK_ANOTHER.has(error.code) || error.code.startsWith('CONNECT');
  }

  private failed(address: Address, error: unknown): void {
    if (this.preferred === formatAddress(address)) this.preferred = null;
    this.pool.failed(address);
    if (error instanceof YakError && error.code === 'REQUEST_TIMEOUT') this.pool.drop(address, 'metadata');
  }

  private candidates(avoid: readonly Address[], isForBrokers: boolean): Address[] {
    const avoided = new Set(avoid.map(formatAddress));
    const seen = new Set<string>();
    const brokers = this.metadata.brokerAddresses();
    const addresses = (isForBrokers && brokers.length > 0 ? brokers : [...brokers, ...this.bootstrap]).filter((address) => {
      const text = formatAddress(address);
      return seen.has(text) ? false : seen.add(text);
    });
    const rank = (address: Address) => {
      const text = formatAddress(address);
      if (avoided.has(text)) return 3;
      if (this.pool.failedAt(address) > Number.NEGATIVE_INFINITY) return 2;
      return text === this.preferred ? 0 : 1;
    };
    return addresses.sort((a, b) => rank(a) - rank(b) || compare(this.pool.failedAt(a), this.pool.failedAt(b)));
  }
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
