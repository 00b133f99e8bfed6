import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './local-cluster.js';

/**
 * A real text: what people wrote in the documentation, licences and sources of the installed packages, with its empty lines,
 * carriage returns, repeated lines and odd bytes, until `lines` lines are together. Ends with a newline.
 */
export function writeRealText(path: string, lines: number): void {
  const file = openSync(path, 'w');
  let left = lines;
  try {
    for (const source of textFiles(join(ROOT, 'node_modules'))) {
      if (left <= 0) return;
      const content = readFileSync(source);
      if (longestLine(content) > LINE_BYTES_MAX) continue;
      let end = 0;
      while (left > 0) {
        const newline = content.indexOf(0x0a, end);
        if (newline < 0) break;
        end = newline + 1;
        left--;
      }
      writeSync(file, content, 0, end);
    }
  } finally {
    closeSync(file);
  }
  if (left > 0) throw new Error(`the installed packages have only ${lines - left} lines of text`);
}

/** Minified sources have lines that no batch would take. */
const LINE_BYTES_MAX = 32 * 1024;

function longestLine(content: Buffer): number {
  let longest = 0;
  for (let from = 0; from < content.length; ) {
    const newline = content.indexOf(0x0a, from);
    const end = newline < 0 ? content.length : newline;
    longest = Math.max(longest, end - from);
    from = end + 1;
  }
  return longest;
}

function* textFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* textFiles(path);
    else if (entry.isFile() && /\.(md|js|cjs|mjs|ts|txt)$|LICENSE/i.test(entry.name)) yield path;
  }
}
