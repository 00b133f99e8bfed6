/** How a simulated coordinator and the simulated store talk: one JSON text per line, answers in the order of the questions. */
import type { Connection } from '#seams';

export type StoreQuestion = { readonly step: readonly (string | number)[] } | { readonly check: true };
export type StoreAnswer = { readonly reply: readonly unknown[] } | { readonly isDurable: boolean };

export function writeLine(connection: Connection, value: StoreQuestion | StoreAnswer): void {
  connection.write(Buffer.from(`${JSON.stringify(value)}\n`));
}

/** Connections cut lines where they like. */
export function onLines<T>(connection: Connection, take: (value: T) => void): void {
  let rest = '';
  connection.onData((chunk) => {
    const lines = `${rest}${chunk.toString()}`.split('\n');
    rest = lines.pop()!;
    for (const line of lines) take(JSON.parse(line) as T);
  });
}
