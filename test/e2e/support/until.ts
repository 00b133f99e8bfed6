/** Waits for a condition, never for a time; says what it waited for and, if asked, what was seen instead. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  what: string,
  seen: () => string = () => '',
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`timed out after ${timeoutMs} ms waiting for ${what}\n${seen()}`.trimEnd());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
