/** A StoreLink to a StoreModel without a network between them: what befalls a step is said before it is asked for. */
import { YakError } from '#kernel';
import type { StoreLink } from '../store-link.js';
import type { StoreModel } from './store-model.js';

export type Fate =
  /** It never arrives. */
  | 'lost'
  /** It is executed, and the answer never arrives. */
  | 'unanswered';

export class ModelLink implements StoreLink {
  readonly name = 'the model';
  /** What `check` answers. */
  isDurable = true;
  /** What befalls the next steps, in order; the others are executed and answered. */
  readonly fates: (Fate | 'answered')[] = [];
  /** Verbs of the steps that were asked for. */
  readonly asked: string[] = [];

  constructor(private readonly model: StoreModel) {}

  async connect(): Promise<void> {}

  async run(step: readonly (string | number)[]): Promise<readonly unknown[]> {
    this.asked.push(String(step[0]));
    const fate = this.fates.shift();
    await Promise.resolve();
    const answer = fate === 'lost' ? null : this.model.run(step);
    if (answer === null || fate === 'unanswered') throw new YakError('METADATA_STORE_UNAVAILABLE', `${this.name}: ${fate}`);
    return answer;
  }

  async check(): Promise<{ readonly isDurable: boolean }> {
    return { isDurable: this.isDurable };
  }

  close(): void {}
}
