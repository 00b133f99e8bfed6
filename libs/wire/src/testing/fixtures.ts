/** Facts that came out of Kafka's own jars: test/fixtures/wire/README.md. */
import { readFileSync } from 'node:fs';

export interface FieldFacts {
  readonly name: string;
  readonly type: string;
  readonly versions: string;
  readonly nullableVersions?: string;
  readonly taggedVersions?: string;
  readonly flexibleVersions?: string;
  readonly tag?: number;
  readonly default?: string;
  readonly fields?: readonly FieldFacts[];
}
export interface MessageFacts {
  readonly validVersions: string;
  readonly flexibleVersions: string;
  readonly fields: readonly FieldFacts[];
}
export interface ApiFacts {
  readonly key: number;
  readonly name: string;
  readonly request: MessageFacts;
  readonly response: MessageFacts;
}
export interface GoldenFrame {
  readonly message: string;
  readonly version: number;
  readonly variant: 'full' | 'sparse';
  readonly value: Record<string, unknown>;
  readonly hex: string;
}

function load<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../../../../test/fixtures/wire/${file}`, import.meta.url), 'utf8')) as T;
}

export const fieldFacts = () => load<{ apis: ApiFacts[] }>('fields.json').apis;
export const errorFacts = () => load<{ errors: { code: number; name: string; isRetriable: boolean }[] }>('errors.json').errors;
export const goldenFrames = (file: string) => load<{ frames: GoldenFrame[] }>(`golden/${file}.json`).frames;
