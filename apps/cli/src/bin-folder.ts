import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the bundles are: beside this one, or in dist/bin when the code runs unbundled from dist/apps/cli/src. */
export function binFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return basename(here) === 'bin' ? here : join(here, '../../../bin');
}
