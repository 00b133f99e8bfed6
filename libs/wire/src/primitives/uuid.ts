/** Kafka's ids: 16 bytes on the wire, 22 characters of URL-safe base64 without padding in memory and in print. */

/** "No id": 16 zero bytes. */
export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA';

const TEXT = /^[A-Za-z0-9_-]{21}[AQgw]$/;

/** True for what writeUuid accepts: 22 characters whose unused last bits are zero. */
export function isUuid(text: string): boolean {
  return TEXT.test(text);
}

export function uuidFromBytes(buffer: Buffer, at: number): string {
  return buffer.toString('base64url', at, at + 16);
}

/** Writes 16 bytes at `at`. `text` must satisfy isUuid (the writer asserts it). */
export function writeUuid(buffer: Buffer, text: string, at: number): void {
  buffer.write(text, at, 16, 'base64url');
}
