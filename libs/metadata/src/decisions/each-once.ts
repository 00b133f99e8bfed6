/** What a request names, each once and in the order of the first mention; what it names again can only be refused. */
export interface NamedOnce<T> {
  /** The last of those with one name. */
  readonly item: T;
  readonly isRepeated: boolean;
}

export function eachOnce<T>(items: readonly T[], nameOf: (item: T) => string): NamedOnce<T>[] {
  const named = new Map<string, NamedOnce<T>>();
  for (const item of items) named.set(nameOf(item), { item, isRepeated: named.has(nameOf(item)) });
  return [...named.values()];
}
