/** The rows of the verdict table. One JSON object a line in a file, since spec files run one after the other in worlds of their own. */
import { appendFileSync } from 'node:fs';
import { basename } from 'node:path';
import { VERDICTS } from './settings.js';

export interface Verdict {
  readonly test: string;
  readonly result: 'ok' | 'FAILED';
  /** Planned stops must fail no send; for the others the longest pause is the recovery time. */
  readonly kind: 'planned' | 'unplanned' | 'other';
  readonly acknowledged?: number;
  /** Of the three idempotent producers. */
  readonly failed?: number;
  /** Of the one with KafkaJS's defaults. */
  readonly failedPlain?: number;
  readonly worstPauseMs?: number;
  readonly note?: string;
}

export function record(verdict: Verdict): void {
  const file = basename(expect.getState().testPath ?? '').split('.')[0];
  appendFileSync(VERDICTS, `${JSON.stringify({ file, ...verdict })}\n`);
}

/** A test without load whose body returns what is worth telling. */
export async function judged(test: string, body: () => Promise<string | undefined>): Promise<void> {
  try {
    record({ test, result: 'ok', kind: 'other', note: await body() });
  } catch (error) {
    record({ test, result: 'FAILED', kind: 'other', note: firstLine(error) });
    throw error;
  }
}

export function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!.replaceAll('|', '/').slice(0, 200);
}
