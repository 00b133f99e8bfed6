/**
 * Cuts a stream of bytes into lines at \n and at nothing else: carriage returns, invalid UTF-8 and empty lines stay as they
 * are. A last line without \n is a line; an empty input has none. Lines point into the chunks, nothing is decoded; only a
 * line that spans chunks is copied, once.
 */
import { YakError } from '#kernel';

/** Above this a line without an end is taken for something else than text. Brokers refuse far smaller ones (max.message.bytes). */
export const LINE_BYTES_MAX = 64 * 1_048_576;

const NEWLINE = 10;

export class LineSplitter {
  private pieces: Buffer[] = [];
  private piecesBytes = 0;
  private lines = 0;

  constructor(private readonly lineBytesMax = LINE_BYTES_MAX) {}

  /** Calls `take` for every line that is complete now, in order. The chunk must not be changed afterwards. Throws YakError LINE_TOO_LONG. */
  push(chunk: Buffer, take: (line: Buffer) => void): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) break;
      take(this.complete(chunk.subarray(start, end)));
      start = end + 1;
    }
    if (start < chunk.length) this.keep(start === 0 ? chunk : chunk.subarray(start));
  }

  /** At the end of the input: the last line if it had no newline. */
  end(take: (line: Buffer) => void): void {
    if (this.pieces.length > 0) take(this.complete(Buffer.alloc(0)));
  }

  private complete(last: Buffer): Buffer {
    this.lines++;
    if (this.pieces.length === 0) return last;
    const line = Buffer.concat([...this.pieces, last]);
    this.pieces = [];
    this.piecesBytes = 0;
    return line;
  }

  private keep(piece: Buffer): void {
    this.pieces.push(piece);
    this.piecesBytes += piece.length;
    if (this.piecesBytes > this.lineBytesMax) {
      throw new YakError('LINE_TOO_LONG', `line ${this.lines + 1} has no end within ${this.lineBytesMax} bytes; it was not sent`);
    }
  }
}

/** Key and value of a line. Without a separator in it, or without one asked for, the whole line is the value and there is no key. */
export function splitKey(line: Buffer, separator: Buffer | null): { key: Buffer | null; value: Buffer } {
  const at = separator === null ? -1 : line.indexOf(separator);
  if (at < 0) return { key: null, value: line };
  return { key: line.subarray(0, at), value: line.subarray(at + separator!.length) };
}
