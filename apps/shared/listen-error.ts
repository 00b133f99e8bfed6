import { YakError } from '#kernel';
import type { Address } from '#seams';

/** One sentence for an address that cannot be had, whichever door wanted it. */
export function listenError(error: NodeJS.ErrnoException, address: Address, door: string): YakError {
  const where = address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
  if (error.code === 'EADDRINUSE') {
    return new YakError('ADDRESS_IN_USE', `${door} address ${where} is in use; stop what listens there or choose another port`, {
      cause: error,
    });
  }
  return new YakError('CANNOT_LISTEN', `cannot listen on ${door} address ${where}: ${error.code ?? error.message}`, { cause: error });
}
