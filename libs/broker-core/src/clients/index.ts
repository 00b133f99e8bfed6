export { type ClientNotes, ClientRegistry } from './client-registry.js';
export type { ClientVerbs } from './client-verbs.js';
