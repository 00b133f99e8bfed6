/** How much memory this process may use: the limit of its container (control groups 1 and 2), else what the machine has. Bytes. */
import { totalmem } from 'node:os';

export function usableMemoryBytes(): number {
  const limit = process.constrainedMemory();
  // Without a limit Node answers 0, undefined or something beyond any machine, depending on its version.
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}
