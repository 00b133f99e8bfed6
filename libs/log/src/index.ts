export type { CleanerConfig, CleanerStats, LogCleaner } from './cleaner/log-cleaner.js';
export * from './contract.js';
export { type LogSeams, type OpenLogDirectoryOptions, openLogDirectory, type RecoveryProgress } from './log-directory.js';
