/**
 * The HTTP door of a broker: probes with the heartbeat report as their body, metrics, who leads what as this broker's
 * metadata has it, and who is connected to it. It opens before recovery begins, so that the startup probe has somebody to ask.
 */
import type { BrokerReport, ClientRegistry } from '#broker-core';
import type { Address, Logger } from '#seams';
import { feedLeaders, type HttpAnswer, HttpDoor, type LeaderSource, LoopDelay, leadersView } from '../../../../shared/http-door/index.js';
import { brokerMetrics, type MeteredBroker } from './broker-metrics.js';
import { liveness, type Probe, readiness, startup } from './probes.js';

export interface ProbedBroker extends MeteredBroker {
  readonly clients: Pick<ClientRegistry, 'list'>;
  /** /livez was asked; the next heartbeat says so. */
  probed(): void;
}

export interface BrokerHttpDoorOptions {
  readonly address: Address;
  readonly hostNames: readonly string[];
  readonly logger: Logger;
}

export async function openBrokerHttpDoor(options: BrokerHttpDoorOptions, broker: ProbedBroker, leaders: LeaderSource): Promise<HttpDoor> {
  const loopDelay = new LoopDelay();
  const metrics = brokerMetrics(broker, loopDelay);
  const answer = (probe: (report: BrokerReport) => Probe): HttpAnswer => {
    const report = broker.report();
    const { ok, reasons } = probe(report);
    return { status: ok ? 200 : 503, body: { status: ok ? 'ok' : 'unavailable', reasons, loopDelay: loopDelay.report, ...report } };
  };
  return await HttpDoor.listen(options, {
    views: {
      '/livez': () => {
        broker.probed();
        return answer(liveness);
      },
      '/readyz': () => answer(readiness),
      '/startupz': () => answer(startup),
      '/metrics': () => metrics.answer(),
      '/v1/leaders': () => leadersView(leaders),
      '/v1/clients': () => ({ status: 200, body: broker.clients.list() }),
    },
    streams: { '/v1/leaders': (stream) => feedLeaders(leaders, stream) },
  });
}
