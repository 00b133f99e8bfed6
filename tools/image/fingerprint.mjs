/** What the image is made of, as one hash: the files that .dockerignore lets through, and the Dockerfile. Same hash, same image. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const LEFT_OUT = /\.spec\.ts$|\/README\.md$|\/src\/testing\//;

export function fingerprint(root) {
  const hash = createHash('sha256');
  for (const file of ['Dockerfile', ...contextFiles(root)]) hash.update(`\0${file}\0`).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

/** Sorted paths. .dockerignore excludes all and then names what comes along, so its `!` lines are the list. */
export function contextFiles(root) {
  const named = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
  const entries = named.filter((line) => line.startsWith('!')).map((line) => line.slice(1).trim());
  return entries
    .filter((entry) => existsSync(join(root, entry)))
    .flatMap((entry) => (statSync(join(root, entry)).isDirectory() ? filesBelow(root, entry) : [entry]))
    .filter((file) => !LEFT_OUT.test(file))
    .sort();
}

function filesBelow(root, folder) {
  const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1));
}
