/**
 * What lies between a SharedMetadataLog and the store that several coordinators share: one connection over which atomic steps
 * are asked for. Redis runs a step as a Lua script (#metadata-redis); the simulation has a model of it with faults. What is
 * safe is decided by the steps and by SharedMetadataLog, not here.
 */
export interface StoreLink {
  /** For messages: the store's address, never with credentials. */
  readonly name: string;
  /** Waits for the first attempt only: a store that is away is dialled again and again. */
  connect(): Promise<void>;
  /**
   * Runs one step. Rejects with a YakError `METADATA_STORE_UNAVAILABLE` when its outcome is unknown, whatever the cause. A step is
   * sent at most once; it may be executed long after the caller gave up.
   */
  run(step: readonly (string | number)[]): Promise<readonly unknown[]>;
  /**
   * Whether the store keeps what it answered through a crash (Redis: appendonly yes, appendfsync always). Throws a YakError
   * `METADATA_STORE_UNSAFE` when it must not hold metadata at all, `METADATA_STORE_UNAVAILABLE` when it cannot be asked.
   */
  check(): Promise<{ readonly isDurable: boolean }>;
  close(): void;
}
