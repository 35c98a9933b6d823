/** Waits for what a cluster does, by its changes: no clock is asked. */
import type { Store } from "../../src/store.ts";

export function until(store: Pick<Store, "subscribe">, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    if (holds()) {
      resolve();
      return;
    }
    const end = store.subscribe(() => {
      if (!holds()) return;
      end();
      resolve();
    });
  });
}
