export * from './contract.js';
export { type LogSeams, type OpenLogDirectoryOptions, openLogDirectory } from './log-directory.js';
