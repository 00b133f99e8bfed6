/** Every limit of the log, by name. Bytes, milliseconds and entries as the names say. */

/** Recent batches kept in memory per log for tail reads; less where many logs share the budget. */
export const TAIL_CACHE_BYTES_MAX = 4 * 1024 * 1024;
/** What the tail caches of one data folder may take together, unless the process has little memory. */
export const TAIL_CACHES_BYTES_MAX = 64 * 1024 * 1024;
export const TAIL_CACHE_BYTES_MIN = 64 * 1024;
/** A batch in a received chunk this many times larger is copied for the cache, so that it does not pin the chunk. */
export const TAIL_CACHE_PINNING_RATIO = 8;

/** Producing stops when less than this is free (R16) … */
export const FREE_SPACE_RESERVE_BYTES = 1024 * 1024 * 1024;
/** … or less than this share of what the folder could have, whichever is smaller. */
export const FREE_SPACE_RESERVE_SHARE = 0.05;
/** Followers may use the reserve down to this share of it: better a lagging replica than a directory that failed. */
export const FOLLOWER_RESERVE_SHARE = 0.5;
export const FREE_SPACE_CHECK_INTERVAL_MS = 1000;

/** A kill -9 costs reading and rewriting at most what was appended since. */
export const RECOVERY_POINT_CHECKPOINT_INTERVAL_MS = 5000;
/** Larger batches are taken for garbage by recovery; no listener accepts a frame as large. */
export const RECOVERY_BATCH_BYTES_MAX = 128 * 1024 * 1024;
/** What recovery writes again is synced in pieces of this size, so that its writes do not stall the event loop. A multiple of the next. */
export const RECOVERY_SYNC_BYTES = 16 * 1024 * 1024;
/** Chunk of sequential scans. */
export const SCAN_CHUNK_BYTES = 1024 * 1024;
/** Chunk of header walks, which skip most bytes of large batches. */
export const HEADER_WALK_CHUNK_BYTES = 64 * 1024;
/** Least that a cold read asks of the disk. */
export const COLD_READ_BYTES_MIN = 64 * 1024;
export const TIMESTAMP_SCAN_BYTES = 256 * 1024;

/** Index entries collected in memory before one write. */
export const INDEX_PENDING_ENTRIES_MAX = 512;
/** Kafka's window of batches per producer that are recognized when sent again. */
export const PRODUCER_BATCHES_REMEMBERED = 5;

/** What the cleaner does in one turn of the event loop, at most: bytes read, or time, whichever comes first. */
export const CLEANER_STEP_BYTES = 256 * 1024;
export const CLEANER_STEP_MS = 3;
/** Cleaned bytes are synced in pieces of this size, so that no large sync stands in the way of producers'. */
export const CLEANER_SYNC_BYTES = 4 * 1024 * 1024;
/** Chunk of the cleaner's reads. */
export const CLEANER_READ_BYTES = 1024 * 1024;
/** What the throttle allows at once after a pause. */
export const CLEANER_BURST_MS = 100;
/** A log that could not be cleaned is left alone for this long. */
export const CLEANER_FAILURE_BACKOFF_MS = 60_000;
