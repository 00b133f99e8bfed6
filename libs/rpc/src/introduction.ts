/**
 * Who a peer of the Nest door says that it is: `clientId` and `clientSoftware` beside the fields of any request. Once said it
 * holds for the connection. Our client says it in the first request of each connection only; a stock `ClientProxy` may say it
 * in any. Claims of the peer: good for lists and logs, proof of nothing.
 */
import type { RequestContext } from '#kernel';

export interface Introduction {
  readonly clientId: string;
  readonly clientSoftware?: { readonly name: string; readonly version: string };
}

/** Longer ids, names and versions are cut. */
export const INTRODUCTION_TEXT_MAX = 255;

/** `context` itself unless the request says something new. */
export function introduced(context: RequestContext, request: unknown): RequestContext {
  if (typeof request !== 'object' || request === null) return context;
  const { clientId, clientSoftware } = request as { clientId?: unknown; clientSoftware?: unknown };
  let known = context;
  if (typeof clientId === 'string') {
    // Member ids begin with it: what is no text would not come back from a log as it was.
    const cut = clientId.slice(0, INTRODUCTION_TEXT_MAX).replace(/\p{Cs}/gu, '');
    if (cut !== known.clientId) known = { ...known, clientId: cut };
  }
  if (typeof clientSoftware === 'object' && clientSoftware !== null) {
    const { name, version } = clientSoftware as { name?: unknown; version?: unknown };
    if (typeof name === 'string' && typeof version === 'string') {
      const software = { name: name.slice(0, INTRODUCTION_TEXT_MAX), version: version.slice(0, INTRODUCTION_TEXT_MAX) };
      const isKnown = software.name === known.clientSoftware?.name && software.version === known.clientSoftware.version;
      if (!isKnown) known = { ...known, clientSoftware: software };
    }
  }
  return known;
}
