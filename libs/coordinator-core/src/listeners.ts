/** Who wants to be told of something. One that fails is logged and keeps nobody else from being told. */
import type { Logger } from '#seams';

export class Listeners<A extends unknown[]> {
  private readonly listeners = new Set<(...values: A) => void>();

  constructor(private readonly logger: Logger) {}

  /** Answers the way to stop listening. */
  add(listener: (...values: A) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(...values: A): void {
    for (const listener of this.listeners) {
      try {
        listener(...values);
      } catch (error) {
        this.logger.error('a listener failed', { error: String((error as Error).stack ?? error) });
      }
    }
  }
}
