/**
 * Which cluster coordinator to ask next, and how long to wait before: who acts, if one that stands by told, else every known
 * address in turn. Behind one host name there may be several coordinators, and others later on.
 */
import type { YakError } from '#kernel';
import { RpcFailureError } from '#rpc';
import type { Address, Random } from '#seams';
import type { CoordinatorDialer } from './contract.js';

/** Between two attempts to reach a coordinator; doubles up to the maximum, with jitter. */
export const COORDINATOR_RETRY_MS = 50;
export const COORDINATOR_RETRY_MAX_MS = 400;

export class CoordinatorFinder {
  /** Addresses that were not tried since names were last looked up. */
  private untried: Address[] = [];
  private hint: Address | null = null;
  /** The asked one, by every address it is known by here. */
  private asked: readonly Address[] = [];
  /** Did not answer when last asked. Others come first, whoever points at it: it may be frozen, or its machine gone. */
  private silent: readonly Address[] = [];
  private failures = 0;

  constructor(
    private readonly known: readonly Address[],
    private readonly dialer: Pick<CoordinatorDialer, 'resolve'>,
    private readonly random: Random,
  ) {}

  async next(): Promise<Address> {
    const { hint } = this;
    this.hint = null;
    if (hint !== null) {
      this.asked = [hint, ...(await this.dialer.resolve(hint))];
      return hint;
    }
    if (this.untried.length === 0) {
      this.untried = (await Promise.all(this.known.map((address) => this.dialer.resolve(address)))).flat();
    }
    const index = this.untried.findIndex((address) => !isAmong(address, this.silent));
    const [next] = this.untried.splice(Math.max(0, index), 1);
    this.asked = [next!];
    return next!;
  }

  /** The asked one acts. */
  succeeded(): void {
    this.failures = 0;
    this.silent = [];
  }

  failed(error: YakError): void {
    this.failures++;
    const acting = error instanceof RpcFailureError ? error.acting : undefined;
    if (error.code !== 'NOT_ACTIVE') {
      this.silent = this.asked;
      // A list of nothing but silent ones is no list: names are looked up again.
      this.untried = this.untried.filter((address) => !isAmong(address, this.silent));
    } else if (acting && !isAmong(acting, this.asked) && !isAmong(acting, this.silent)) {
      this.hint = acting;
    }
  }

  /** ms. None before the first hint is followed; if that one does not act either, it grows as ever. */
  pauseMs(): number {
    if (this.hint !== null && this.failures <= 1) return 0;
    const ceiling = Math.min(COORDINATOR_RETRY_MAX_MS, COORDINATOR_RETRY_MS * 2 ** Math.min(this.failures, 10));
    return ceiling / 2 + (this.random.next() * ceiling) / 2;
  }
}

function isAmong({ host, port }: Address, addresses: readonly Address[]): boolean {
  return addresses.some((each) => each.host === host && each.port === port);
}
