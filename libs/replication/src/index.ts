export * from './divergence.js';
export * from './leader-state.js';
