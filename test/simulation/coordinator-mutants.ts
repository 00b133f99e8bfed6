/** Guards around the store that coordinators share, taken out one at a time (mutants.ts runs them). */
import type { Mutant } from './mutants.js';

const MODEL = 'libs/metadata/src/shared/testing/store-model.js';
const SHARED_LOG = 'libs/metadata/src/shared/shared-metadata-log.js';

const MUTANTS: readonly Omit<Mutant, 'only'>[] = [
  {
    name: 'append without a test',
    guard: 'R17: each append tests the coordinator epoch and the last op id (either alone holds for long)',
    edits: [
      {
        file: MODEL,
        find: "if (this.get('coordinatorEpoch') !== args[0])",
        replace: "if (verb !== 'append' && this.get('coordinatorEpoch') !== args[0])",
      },
      { file: MODEL, find: 'if (this.opId !== expectedOpId || this.revision !== Number(expectedRevision))', replace: 'if (false)' },
    ],
  },
  {
    name: 'takeover without raising the epoch',
    guard: 'R17: every takeover raises the coordinator epoch',
    edits: [{ file: MODEL, find: 'Math.max(this.epoch, Number(atLeast)) + 1', replace: 'Math.max(this.epoch, Number(atLeast), 0)' }],
  },
  {
    name: 'takeover without its claim',
    guard: 'R18: the turn is taken only if it is as it was seen to stand still',
    edits: [{ file: MODEL, find: 'if (!isTurn)', replace: 'if (false)' }],
  },
  {
    name: 'impatient standby',
    guard: 'R18: a beat has to stand still for a session before the turn is free',
    edits: [
      {
        file: 'libs/coordinator-core/src/standby.js',
        find: 'askedAt - seen.since >= turnTimeoutMs',
        replace: 'askedAt - seen.since >= 0',
      },
    ],
  },
  {
    name: 'every restart of the store accepted',
    guard: 'R19: a store with another run id is suspect',
    edits: [
      { file: 'libs/metadata/src/shared/stored-chain.js', find: 'if (chain.runId !== runId) {', replace: 'if (false) {' },
      { file: MODEL, find: "(this.get('runId') === this.runId ? undefined : 'the store was restarted')", replace: 'undefined' },
      { file: MODEL, find: 'if (this.runId !== args[1])', replace: 'if (false)' },
      { file: MODEL, find: 'if (this.runId !== runId)', replace: 'if (false)' },
    ],
  },
  {
    name: 'no restart of the store accepted',
    guard: 'docs/adr/0008: a restart with everything that the acting coordinator lived through begins no history',
    edits: [{ file: SHARED_LOG, find: 'if (await this.accepts(chain, runId, witness))', replace: 'if (false)' }],
  },
  {
    name: 'proof without the store',
    guard: 'R24: who is asked for proof asks the store',
    edits: [{ file: 'libs/coordinator-core/src/cluster-coordinator.js', find: 'if (request.wantsProof)', replace: 'if (false)' }],
  },
  {
    name: 'acting without answers of the store',
    guard: 'R18: without an answer of the store for a session it answers nobody',
    edits: [
      {
        file: 'libs/coordinator-core/src/turn.js',
        find: '!this.options.log.isShared || this.ageMs <= this.options.turnTimeoutMs',
        replace: 'true',
      },
    ],
  },
];

export const COORDINATOR_MUTANTS: readonly Mutant[] = MUTANTS.map((mutant) => ({ ...mutant, only: 'shared' }));
