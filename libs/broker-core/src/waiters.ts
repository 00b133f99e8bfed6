/** Callbacks that run each time something moved; whoever adds one removes it. One that is added meanwhile waits for the next time. */
export class Waiters {
  private readonly waiters = new Set<() => void>();

  add(waiter: () => void): void {
    this.waiters.add(waiter);
  }

  remove(waiter: () => void): void {
    this.waiters.delete(waiter);
  }

  wake(): void {
    if (this.waiters.size === 0) return;
    for (const waiter of [...this.waiters]) waiter();
  }
}
