/** Node's errno errors become YakErrors with Node's own code (EIO, ENOENT …), so that callers need not know Node. */
import { YakError } from '#kernel';

export function nodeErrorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'UNKNOWN';
}

/** `what` names the operation and its object: "cannot open data/0.log". */
export function wrapNodeError(error: unknown, what: string): YakError {
  if (error instanceof YakError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new YakError(nodeErrorCode(error), `${what}: ${text}`, { cause: error });
}
