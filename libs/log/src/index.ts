export type { CleanerConfig, CleanerStats, LogCleaner } from './cleaner/log-cleaner.js';
export * from './contract.js';
export { TAIL_CACHES_BYTES_MAX } from './limits.js';
export { type LogSeams, type OpenLogDirectoryOptions, openLogDirectory, type RecoveryProgress } from './log-directory.js';
