// Which coordinator a broker asks next: never the one that just did not answer, as long as there is another.
import { YakError } from '#kernel';
import { RpcFailureError } from '#rpc';
import type { Address } from '#seams';
import { SimRandom } from '#seams-sim';
import { COORDINATOR_RETRY_MAX_MS, CoordinatorFinder } from './coordinator-finder.js';

const A: Address = { host: '10.0.0.1', port: 3180 };
const B: Address = { host: '10.0.0.2', port: 3180 };

/** Behind the name `coordinator` there are `all`; `named` says which one another name belongs to. */
function finderOf(all: readonly Address[], named: Readonly<Record<string, Address>> = {}) {
  const resolve = async (address: Address) => (address.host === 'coordinator' ? all : [named[address.host] ?? address]);
  return new CoordinatorFinder([{ host: 'coordinator', port: 3180 }], { resolve }, new SimRandom(1));
}

function notActive(acting?: Address): YakError {
  return new RpcFailureError('NOT_ACTIVE', 'stands by', undefined, acting);
}

const timedOut = new YakError('REQUEST_TIMED_OUT', 'no answer');

describe('CoordinatorFinder', () => {
  it('asks every coordinator behind a name in turn, and looks the name up again then', async () => {
    const finder = finderOf([A, B]);
    const asked: Address[] = [];
    for (let i = 0; i < 4; i++) {
      asked.push(await finder.next());
      finder.failed(timedOut);
    }
    expect(asked).toEqual([A, B, A, B]);
  });

  it('follows a hint at once, but only the first in a row', async () => {
    const finder = finderOf([A, B]);
    expect(await finder.next()).toEqual(A);
    finder.failed(notActive(B));
    expect(finder.pauseMs()).toBe(0);
    expect(await finder.next()).toEqual(B);
    // Two that point at each other are asked in peace.
    finder.failed(notActive(A));
    expect(finder.pauseMs()).toBeGreaterThan(0);
    for (let i = 0; i < 20; i++) finder.failed(notActive(i % 2 === 0 ? A : B));
    expect(finder.pauseMs()).toBeGreaterThanOrEqual(COORDINATOR_RETRY_MAX_MS / 2);
  });

  it('R22: leaves one that does not answer for another, whether it came there by a hint, by its address or by its name', async () => {
    for (const hint of [B, { host: 'coordinator-b', port: 3180 }]) {
      const finder = finderOf([A, B], { 'coordinator-b': B });
      await finder.next();
      finder.failed(notActive(hint));
      expect(await finder.next()).toEqual(hint);
      finder.succeeded();
      // It acted for long, and was frozen then: a second session with it would cost this broker its own.
      finder.failed(timedOut);
      expect(await finder.next()).toEqual(A);
    }
    const direct = finderOf([B]);
    expect(await direct.next()).toEqual(B);
    direct.succeeded();
    direct.failed(timedOut);
    expect(await direct.next()).toEqual(B);
  });

  it('R22: when the list begins anew, it does not begin with the one that did not answer', async () => {
    const finder = finderOf([A, B]);
    await finder.next();
    finder.failed(notActive(undefined));
    await finder.next();
    // B was the last of the list; A leads the next one.
    finder.failed(notActive(A));
    expect(await finder.next()).toEqual(A);
    finder.succeeded();
    finder.failed(timedOut);
    expect(await finder.next()).toEqual(B);
  });

  it('a hint at one that just did not answer is followed only after the others were asked', async () => {
    const finder = finderOf([A, B]);
    await finder.next();
    finder.succeeded();
    finder.failed(timedOut);
    // B stands by and does not know yet that A is gone.
    const asked: Address[] = [];
    for (let i = 0; i < 3; i++) {
      asked.push(await finder.next());
      finder.failed(asked.at(-1) === A ? timedOut : notActive(A));
      expect(finder.pauseMs()).toBeGreaterThan(0);
    }
    expect(asked).toEqual([B, B, A]);
  });

  it('a hint that names the asked one, or nobody, is none', async () => {
    const finder = finderOf([A, B]);
    await finder.next();
    finder.failed(notActive(A));
    expect(finder.pauseMs()).toBeGreaterThan(0);
    expect(await finder.next()).toEqual(B);
  });
});
