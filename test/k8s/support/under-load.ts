/**
 * One event under load, judged: the event happens, the cluster is whole again, every acknowledged record is read back (once, in
 * order, where the producer was told), and at a planned stop no send has failed. The longest pause of an idempotent producer is
 * the recovery time. A row of the verdict table comes of it in any case.
 */
import { allReady, killedForMemory } from './deployment.js';
import { dump } from './eventually.js';
import type { LoadPod, LoadWindow } from './load-pod.js';
import { firstLine, record } from './verdicts.js';

export interface EventOptions {
  readonly kind: 'planned' | 'unplanned';
  /** Widest pause that is still no defect; far above what is seen, so that a slow machine fails nothing. Default 30 s. */
  readonly pauseLimitMs?: number;
  /** How long the cluster may take to be whole again after the event; default 120 s. */
  readonly settleLimitMs?: number;
}

/** A text that `event` returns is the note of its row. */
export async function underLoad(load: LoadPod, test: string, options: EventOptions, event: () => Promise<unknown>): Promise<void> {
  const { kind, pauseLimitMs = 30_000, settleLimitMs = 120_000 } = options;
  let window: LoadWindow | undefined;
  try {
    await load.isSettled();
    await load.begin();
    const note = await event();
    await allReady();
    await load.isSettled(settleLimitMs);
    window = await load.window();
    const back = await load.readBack();
    const { failed, failedPlain, worstPauseMs } = sums(window);
    if (back.lost + back.twice + back.elsewhere + back.outOfOrder > 0) {
      const { lost, twice, elsewhere, outOfOrder } = back;
      throw new Error(
        `of ${back.acknowledged} acknowledged records ${lost} lost, ${twice} twice, ${elsewhere} elsewhere, ${outOfOrder} out of order: ${back.wrong.join('; ')}`,
      );
    }
    const failures = window.failures.map(({ flow, id, at, error }) => `${flow}:${id} at ${at}: ${error}`).join('; ');
    if (failed > 0) throw new Error(`${failed} sends failed that may not: ${failures}`);
    if (kind === 'planned' && failedPlain > 0) throw new Error(`${failedPlain} sends of the ordinary producer failed: ${failures}`);
    if (worstPauseMs > pauseLimitMs) throw new Error(`nothing was acknowledged for ${worstPauseMs} ms, more than ${pauseLimitMs} ms`);
    const killed = await killedForMemory();
    if (killed.length > 0) throw new Error(killed.join('; '));
    record({ test, result: 'ok', kind, ...sums(window), note: typeof note === 'string' ? note : undefined });
  } catch (error) {
    window ??= await load.window().catch(() => undefined);
    record({ test, result: 'FAILED', kind, ...(window === undefined ? {} : sums(window)), note: firstLine(error) });
    const { file } = await dump(test);
    throw new Error(`${error instanceof Error ? error.message : String(error)}\nPods, events and logs: ${file}`);
  }
}

function sums({ flows }: LoadWindow) {
  const once = flows.filter((flow) => flow.once);
  const total = (from: readonly { failed: number }[]) => from.reduce((sum, { failed }) => sum + failed, 0);
  return {
    acknowledged: flows.reduce((sum, flow) => sum + flow.acknowledged, 0),
    failed: total(once),
    failedPlain: total(flows.filter((flow) => !flow.once)),
    worstPauseMs: Math.max(...once.map((flow) => flow.worstPauseMs)),
  };
}
