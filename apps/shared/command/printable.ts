/**
 * Text that clients gave themselves (group ids, client ids, reasons), before it reaches a terminal: none of it may move the
 * cursor, change colours, reverse the direction of what follows or pretend to be another line.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Of one line: line ends go too. */
export function printableLine(text: string): string {
  return text.replace(UNPRINTABLE, '');
}
