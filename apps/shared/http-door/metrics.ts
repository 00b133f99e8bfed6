/**
 * A prom-client registry per process, filled when it is asked: values are read from the core's report and counters, so the
 * data path never touches a metric.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { HttpAnswer } from './http-door.js';

export class MetricsPage {
  private readonly registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** `read` answers null when there is no value now; then the sample is left out. */
  gauge(name: string, help: string, read: () => number | null): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        const value = read();
        this.reset();
        if (value !== null) this.set(value);
        else this.remove();
      },
    });
  }

  /** `read` answers the total since the process started. */
  counter(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  /** One sample per label value. */
  labelled(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [value, sample] of Object.entries(read())) this.set({ [label]: value }, sample);
      },
    });
  }

  async answer(): Promise<HttpAnswer> {
    return { status: 200, contentType: this.registry.contentType, body: await this.registry.metrics() };
  }

  names(): string[] {
    return this.registry.getMetricsAsArray().map((metric) => metric.name);
  }
}
