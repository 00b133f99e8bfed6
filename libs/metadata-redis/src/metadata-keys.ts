/** The keys of the metadata in Redis (docs/formats/redis-metadata.md). */
import { YakError } from '#kernel';

/** State, snapshot, entries, standbys. Throws a YakError `INVALID_CONFIG` for a name that cannot be part of a key. */
export function metadataKeys(name: string): [state: string, snapshot: string, entries: string, standbys: string] {
  if (!/^[\w.-]{1,100}$/.test(name))
    throw new YakError('INVALID_CONFIG', `"${name}" cannot name a metadata store: 1 to 100 letters, digits, ".", "-" and "_"`);
  const key = (part: string): string => `yak:${name}:metadata:${part}`;
  return [key('state'), key('snapshot'), key('entries'), key('standbys')];
}
