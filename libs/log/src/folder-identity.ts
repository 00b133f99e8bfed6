/**
 * Who a data folder belongs to and how its last run ended: `meta.properties` (Kafka's version 1), `broker-state.properties` (ours,
 * one file so that its parts change together) and the clean marker (Kafka's name and form).
 */
import { CorruptionError, YakError } from '#kernel';
import { type Disk, replaceFile } from '#seams';
import { decodeCheckedProperties, decodeProperties, encodeCheckedProperties, encodeProperties } from './properties.js';

export const META_PROPERTIES = 'meta.properties';
export const BROKER_STATE = 'broker-state.properties';
export const CLEAN_MARKER = '.kafka_cleanshutdown';
const META_VERSION = '1';
const STATE_VERSION = '1';

export interface FolderIdentity {
  readonly directoryId: string;
  readonly clusterId: string | null;
  readonly brokerId: number | null;
}

export interface BrokerState {
  readonly storedBrokerEpoch: number;
  readonly isComplete: boolean;
  readonly bootId: string;
  readonly foldersMadeRevision: number;
  /** True while any log may hold written but unsynced records that were counted as held: `interval` mode was in use. */
  readonly mayHoldUnsynced: boolean;
}

export function storeIdentity(disk: Disk, path: string, identity: FolderIdentity): void {
  const values: Record<string, string> = { version: META_VERSION };
  if (identity.clusterId !== null) values['cluster.id'] = identity.clusterId;
  if (identity.brokerId !== null) values['node.id'] = String(identity.brokerId);
  values['directory.id'] = identity.directoryId;
  replaceFile(disk, path, META_PROPERTIES, encodeProperties(values));
}

/** Null for a folder that has none. Throws YakError UNSUPPORTED_FORMAT for one that this release cannot read. */
export function loadIdentity(disk: Disk, path: string): FolderIdentity | null {
  const content = disk.readFile(`${path}/${META_PROPERTIES}`);
  if (content === null) return null;
  const unsupported = (what: string) =>
    new YakError('UNSUPPORTED_FORMAT', `${path}/${META_PROPERTIES} ${what}; use the data folder of a YaK broker, or an empty one`);
  let values: Map<string, string>;
  try {
    values = decodeProperties(content);
  } catch (error) {
    throw unsupported(`cannot be read (${(error as Error).message})`);
  }
  const version = values.get('version');
  if (version !== META_VERSION) throw unsupported(`has version ${version ?? '(none)'}, this release reads ${META_VERSION}`);
  const directoryId = values.get('directory.id');
  if (directoryId === undefined || !/^[A-Za-z0-9_-]{22}$/.test(directoryId)) throw unsupported('names no valid directory.id');
  const nodeId = values.get('node.id');
  if (nodeId !== undefined && !/^\d{1,10}$/.test(nodeId)) throw unsupported(`names no valid node.id (${nodeId})`);
  return { directoryId, clusterId: values.get('cluster.id') ?? null, brokerId: nodeId === undefined ? null : Number(nodeId) };
}

export function storeBrokerState(disk: Disk, path: string, state: BrokerState): void {
  const content = encodeCheckedProperties({
    version: STATE_VERSION,
    'broker.epoch': String(state.storedBrokerEpoch),
    complete: String(state.isComplete),
    'boot.id': state.bootId,
    'folders.made.revision': String(state.foldersMadeRevision),
    'unsynced.possible': String(state.mayHoldUnsynced),
  });
  replaceFile(disk, path, BROKER_STATE, content);
}

/** Null when there is none; throws CorruptionError on damage, YakError UNSUPPORTED_FORMAT on a later version. */
export function loadBrokerState(disk: Disk, path: string): BrokerState | null {
  const content = disk.readFile(`${path}/${BROKER_STATE}`);
  if (content === null) return null;
  const values = decodeCheckedProperties(content, BROKER_STATE);
  const version = values.get('version');
  if (version !== STATE_VERSION) {
    throw new YakError('UNSUPPORTED_FORMAT', `${path}/${BROKER_STATE} has version ${version}; this release reads ${STATE_VERSION}`);
  }
  const integer = (key: string) => {
    const value = Number(values.get(key));
    if (!Number.isSafeInteger(value)) throw new CorruptionError(`${BROKER_STATE} has no valid ${key}`);
    return value;
  };
  return {
    storedBrokerEpoch: integer('broker.epoch'),
    isComplete: values.get('complete') === 'true',
    bootId: values.get('boot.id') ?? '',
    foldersMadeRevision: integer('folders.made.revision'),
    mayHoldUnsynced: values.get('unsynced.possible') !== 'false',
  };
}

export function storeCleanMarker(disk: Disk, path: string, brokerEpoch: number): void {
  replaceFile(disk, path, CLEAN_MARKER, Buffer.from(JSON.stringify({ version: 0, brokerEpoch })));
}

/** The broker epoch in the marker; null when there is none or it is damaged, which counts as an unclean stop. */
export function loadCleanMarker(disk: Disk, path: string): number | null {
  const content = disk.readFile(`${path}/${CLEAN_MARKER}`);
  if (content === null) return null;
  try {
    const marker = JSON.parse(content.toString('utf8')) as { version?: unknown; brokerEpoch?: unknown } | null;
    return marker?.version === 0 && Number.isSafeInteger(marker.brokerEpoch) ? (marker.brokerEpoch as number) : null;
  } catch {
    return null;
  }
}

export function removeCleanMarker(disk: Disk, path: string): void {
  disk.remove(`${path}/${CLEAN_MARKER}`);
  disk.syncDirectory(path);
}
