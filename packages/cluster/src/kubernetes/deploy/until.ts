/** Waiting for something no longer than somebody wants it. */

/** Rejects with the signal's reason; the work itself goes on, and what becomes of it is nobody's concern. */
export async function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let leave: (() => void) | undefined;
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason instanceof Error ? signal.reason : new Error("stopped"));
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
  });
  try {
    return await Promise.race([work, left]);
  } finally {
    if (leave !== undefined) signal.removeEventListener("abort", leave);
    work.catch(() => undefined);
    left.catch(() => undefined);
  }
}
