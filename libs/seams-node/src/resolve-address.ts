/**
 * All addresses behind a host name, in an order that every look-up of the same set has (IPv4 before IPv6, then by address),
 * whatever the name server shuffles. Asks as dialing does (hosts file, search domains); a name that cannot be resolved, or not
 * in time, is itself, so that whoever dials it gets the error to show.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Address } from '#seams';

/** Whoever asks has an address to dial by then: its name, which the system may still resolve. */
export const RESOLVE_TIMEOUT_MS = 2_000;

/** A look-up that hangs holds a thread of the pool that files need too: one per name. */
const underWay = new Map<string, Promise<readonly string[]>>();

/** Never rejects and is never empty. */
export async function resolveAddress(address: Address, timeoutMs = RESOLVE_TIMEOUT_MS): Promise<readonly Address[]> {
  const { host, port } = address;
  if (isIP(host) !== 0) return [address];
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), timeoutMs);
  });
  const found = await Promise.race([hostsBehind(host), timeout]);
  clearTimeout(timer);
  return found.length === 0 ? [address] : found.map((each) => ({ host: each, port }));
}

function hostsBehind(host: string): Promise<readonly string[]> {
  let asked = underWay.get(host);
  if (asked === undefined) {
    asked = lookUp(host).finally(() => underWay.delete(host));
    underWay.set(host, asked);
  }
  return asked;
}

async function lookUp(host: string): Promise<readonly string[]> {
  try {
    const found = await lookup(host, { all: true });
    const inOrder = found.sort((a, b) => a.family - b.family || (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    return [...new Set(inOrder.map((each) => each.address))];
  } catch {
    return [];
  }
}
