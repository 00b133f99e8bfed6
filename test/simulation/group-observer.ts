/**
 * Somebody who belongs to no group and asks every broker again and again what the group has committed, without waiting for
 * one answer before the next question: so questions lie in the sockets of a coordinator that stands still, beside what its
 * followers had sent it. Whoever answers at all must answer with everything that was acknowledged before the question (H8, R24).
 */
import { YakError } from '#kernel';
import { dialRpc, type RpcClient } from '#rpc';
import { sleep } from '#seams';
import type { SimProcess } from '#seams-sim';
import { GROUP, type SimCluster } from './cluster.js';
import type { GroupChecks } from './group-checks.js';

const INTERVAL_MS = 120;
/** Longer than any pause. */
const REQUEST_TIMEOUT_MS = 8_000;

export class GroupObserver {
  answers = 0;
  private isOver = false;

  constructor(
    private readonly cluster: SimCluster,
    private readonly checks: GroupChecks,
  ) {}

  start(): void {
    const { clientProcess } = this.cluster;
    for (const address of this.cluster.doors) clientProcess.run('observe', () => void this.observe(clientProcess, address));
  }

  stop(): void {
    this.isOver = true;
  }

  private async observe(process: SimProcess, address: { readonly host: string; readonly port: number }): Promise<void> {
    const { network, scheduler, random } = process;
    while (!this.isOver) {
      try {
        const client = await dialRpc(network, scheduler, address, { timeoutMs: 1_000 });
        while (!this.isOver && !client.isClosed) {
          void this.ask(client, address.host);
          await sleep(scheduler, INTERVAL_MS + random.integer(INTERVAL_MS));
        }
        client.close();
      } catch (error) {
        if (!(error instanceof YakError)) return this.cluster.world.fail(error);
        await sleep(scheduler, INTERVAL_MS);
      }
    }
  }

  private async ask(client: RpcClient, host: string): Promise<void> {
    const { partitions } = this.cluster;
    const before = partitions.map((partition) => this.checks.committed(partition));
    try {
      const request = {
        groupId: GROUP,
        partitions: partitions.map((partition) => ({ topic: this.cluster.topic, partition })),
        requireStable: false,
      };
      const response = await client.request('fetchOffsets', request, { timeoutMs: REQUEST_TIMEOUT_MS });
      if (response.error !== 'NONE') return;
      this.answers++;
      for (const { partition, offset } of response.partitions) this.checks.told(host, partition, offset, before[partition]!);
    } catch (error) {
      if (!(error instanceof YakError)) this.cluster.world.fail(error);
    }
  }
}
