/**
 * Requests that name many groups. A name costs its sender a few bytes and the broker a look-up that is confirmed: so only so
 * many are looked up, and others have their turn in between.
 */
import type { KafkaErrorName } from '#kernel';
import type { HandlerEnvironment } from '../handler.js';
import { DEFAULT_KAFKA_DOOR_LIMITS } from '../limits.js';

export const MANY_GROUPS_LIMITATION = `A request names at most ${DEFAULT_KAFKA_DOOR_LIMITS.groupsPerRequestMax.toLocaleString('en-US')} groups; further ones are answered INVALID_REQUEST.`;
/** Groups asked for at once. */
const GROUPS_PER_TURN = 250;

/** The first groupsPerRequestMax are asked for, so many a turn; `refuse` answers the others. In the order of `asked`. */
export async function manyGroups<Asked, Answer>(
  { limits, nextTurn }: HandlerEnvironment,
  asked: readonly Asked[],
  ask: (some: readonly Asked[]) => Promise<readonly Answer[]>,
  refuse: (one: Asked, error: KafkaErrorName, message: string) => Answer,
): Promise<readonly Answer[]> {
  const served = Math.min(asked.length, limits.groupsPerRequestMax);
  const answers: Answer[] = [];
  for (let from = 0; from < served; from += GROUPS_PER_TURN) {
    if (from > 0) await nextTurn();
    answers.push(...(await ask(asked.slice(from, Math.min(from + GROUPS_PER_TURN, served)))));
  }
  const message = `a request may name ${limits.groupsPerRequestMax} groups (groupsPerRequestMax); ask in several`;
  for (const one of asked.slice(served)) answers.push(refuse(one, 'INVALID_REQUEST', message));
  return answers;
}
