/**
 * Admin calls that a broker forwards to the cluster coordinator keep who asked for them: the coordinator decides (and later
 * authorizes) in the name of that client, not of the broker. A broker always sets it itself, over whatever its client sent.
 *
 * Nobody proves yet that he is a broker, so today it says no more than any client could claim. Once connections are
 * authenticated, the coordinator must take it from brokers only.
 */
import type { RequestContext } from '#kernel';
import type { OnBehalfOf } from './messages.js';

/** What goes along with a forwarded request. */
export function onBehalfOf({ principal, clientId, clientAddress }: RequestContext): OnBehalfOf {
  return { principal, clientId, clientAddress };
}

/** The context in which a request is decided: of whom it was forwarded for, else of the connection. */
export function decisionContext(context: RequestContext, request: unknown): RequestContext {
  const asker = (request as { onBehalfOf?: Partial<OnBehalfOf> } | null | undefined)?.onBehalfOf;
  if (typeof asker !== 'object' || asker === null) return context;
  const { principal, clientId, clientAddress } = asker;
  if (typeof principal !== 'string' || typeof clientAddress !== 'string') return context;
  return { ...context, principal, clientId: typeof clientId === 'string' ? clientId : null, clientAddress };
}
