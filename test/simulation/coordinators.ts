/**
 * The cluster coordinators of the simulated world: one on its embedded store, or two that share a store. Wired as the process
 * wires itself. What they answer with NOT_ACTIVE is counted at their doors.
 */
import { validateTopicConfigs } from '#config';
import { ClusterCoordinator, type CoordinatorState } from '#coordinator-core';
import { YakError } from '#kernel';
import { EmbeddedMetadataLog, type MetadataEntry, type MetadataImage, type MetadataLog, SharedMetadataLog } from '#metadata';
import { type BrokerHeartbeatRequest, type BrokerHeartbeatResponse, type RpcHandlers, RpcServer } from '#rpc';
import type { Address } from '#seams';
import type { SimProcess, SimWorld } from '#seams-sim';
import type { SimStore } from './store/sim-store.js';
import { SimStoreLink } from './store/sim-store-link.js';
import { BROKERS, type CoordinatorTarget, coordinatorHosts, type HostName, type SwarmOptions } from './swarm-options.js';

const PORT = 3180;
const METADATA_PATH = '/data/metadata';
/** Small, so that a short run rolls and compacts segments. */
export const OFFSETS_TOPIC = { partitions: 2, replicationFactor: 3, segmentBytes: 16_384 };

export interface CoordinatorNode {
  readonly id: number;
  readonly host: HostName;
  process: SimProcess | null;
  /** Null while it is dead or opens its store. */
  coordinator: ClusterCoordinator | null;
  state: CoordinatorState;
}

export interface CoordinatorListener {
  /** That coordinator saw its own entry stored and publishes it. */
  committed(node: CoordinatorNode, entry: MetadataEntry): void;
  heartbeatAnswered(
    node: CoordinatorNode,
    request: BrokerHeartbeatRequest,
    response: BrokerHeartbeatResponse,
    /** When it came to the door. */
    askedAtMs: number,
  ): void;
}

export class SimCoordinators {
  readonly nodes: readonly CoordinatorNode[];
  /** Answers at all doors. */
  notActive = 0;

  constructor(
    private readonly world: SimWorld,
    private readonly options: SwarmOptions,
    private readonly store: SimStore | null,
    private readonly listener: CoordinatorListener,
  ) {
    this.nodes = coordinatorHosts(options).map((host, id) => ({ id, host, process: null, coordinator: null, state: 'stopped' }));
  }

  get addresses(): Address[] {
    return this.nodes.map(({ host }) => ({ host, port: PORT }));
  }

  /** Whatever is not running. */
  startAll(): void {
    this.store?.start();
    for (const { id } of this.nodes) this.start(id);
  }

  /** Does nothing while it lives. */
  start(id: number): void {
    const node = this.nodes[id]!;
    if (node.process?.isAlive) return;
    node.coordinator = null;
    node.state = 'stopped';
    const process = this.world.start(node.host);
    node.process = process;
    process.run('start', () => void this.run(node, process));
  }

  /** A planned stop: it gives its turn up. False when there is nobody to stop. */
  stop(id: number, onStopped: () => void): boolean {
    const { coordinator, process } = this.nodes[id]!;
    if (process?.state !== 'running' || coordinator === null) return false;
    this.world.note('world', 'fault', `stop ${process.name}`);
    process.run('stop', async () => {
      await coordinator.stop();
      process.kill();
      this.world.schedule(0, 'stopped', onStopped);
    });
    return true;
  }

  /** The one that believes that it acts, under the highest coordinator epoch; null when none does. */
  acting(): CoordinatorNode | null {
    let acting: CoordinatorNode | null = null;
    for (const node of this.nodes) {
      if (node.process?.isAlive !== true || node.state !== 'active') continue;
      if (acting === null || epochOf(node) > epochOf(acting)) acting = node;
    }
    return acting;
  }

  resolve(target: CoordinatorTarget): CoordinatorNode {
    if (typeof target === 'number') return this.nodes[target % this.nodes.length]!;
    const acting = this.acting() ?? this.nodes[0]!;
    return target === 'acting' ? acting : this.nodes[(acting.id + 1) % this.nodes.length]!;
  }

  describe(): string {
    return this.nodes.map((node) => `${node.host} ${describeNode(node)}`).join('; ');
  }

  private async run(node: CoordinatorNode, process: SimProcess): Promise<void> {
    const { clock, scheduler, random, network, logger } = process;
    const address = { host: node.host, port: PORT };
    const metadataLog = await this.openLog(process);
    const coordinator = new ClusterCoordinator({
      config: {
        id: node.id,
        advertisedAddress: address,
        configuredBrokers: BROKERS,
        leaderRebalanceDelayMs: 3_000,
        snapshotEveryEntries: 40,
        offsetsTopic: OFFSETS_TOPIC,
        ...(this.options.store && { storeName: 'simulated' }),
      },
      seams: { clock, scheduler, random, network, logger },
      metadataLog,
      validateTopicConfigs,
    });
    node.coordinator = coordinator;
    coordinator.onEntry((entry) => this.listener.committed(node, entry));
    coordinator.onState((state) => {
      node.state = state;
    });
    const server = new RpcServer({ network, scheduler, clock, logger, handlers: this.watched(node, coordinator.handlers) });
    server.onConnectionClosed((address) => coordinator.connectionClosed(address));
    await coordinator.start();
    await server.listen(address);
  }

  private async openLog(process: SimProcess): Promise<MetadataLog> {
    const { random, disk, logger } = process;
    if (this.options.store === null) return EmbeddedMetadataLog.open(disk, METADATA_PATH, random);
    const link = new SimStoreLink(process, this.options.store.commandTimeoutMs);
    return SharedMetadataLog.open({ link, random, logger });
  }

  private watched(node: CoordinatorNode, handlers: RpcHandlers): RpcHandlers {
    const entries = Object.entries(handlers as Record<string, (...values: unknown[]) => Promise<unknown>>);
    const watched = entries.map(([pattern, handle]) => {
      const watch = async (...values: unknown[]): Promise<unknown> => {
        const askedAtMs = this.world.nowMs;
        try {
          const answer = await handle(...values);
          if (pattern === 'brokerHeartbeat')
            this.listener.heartbeatAnswered(node, values[0] as BrokerHeartbeatRequest, answer as BrokerHeartbeatResponse, askedAtMs);
          return answer;
        } catch (error) {
          if (error instanceof YakError && error.code === 'NOT_ACTIVE') this.notActive++;
          throw error;
        }
      };
      return [pattern, watch] as const;
    });
    return Object.fromEntries(watched) as unknown as RpcHandlers;
  }
}

/** What it has committed; null while it is dead. */
export function imageOf({ coordinator, process }: CoordinatorNode): MetadataImage | null {
  return coordinator === null || process?.isAlive !== true ? null : coordinator.image;
}

function epochOf({ coordinator }: CoordinatorNode): number {
  return coordinator!.report().coordinatorEpoch;
}

function describeNode({ coordinator, process }: CoordinatorNode): string {
  if (process?.isAlive !== true || coordinator === null) return process?.state ?? 'never started';
  const { state, reason, coordinatorEpoch, revision } = coordinator.report();
  return `${process.state} ${state} CE ${coordinatorEpoch} revision ${revision}${reason === null ? '' : ` (${reason})`}`;
}
