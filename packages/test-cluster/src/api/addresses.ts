/** Addresses and ports of Services: each given once, in order. */
import { listAt, numberAt, textAt } from "../json.ts";
import type { Store } from "../store.ts";

const firstNodePort = 30_000;

export class Addresses {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  clusterIp(): string {
    const taken = new Set(this.#store.list("services").map((one) => textAt(one, "spec", "clusterIP")));
    for (let number = 2; ; number++) {
      const address = `10.43.${Math.floor(number / 256)}.${number % 256}`;
      if (!taken.has(address)) return address;
    }
  }

  nodePort(): number {
    const services = this.#store.list("services");
    const taken = new Set(
      services.flatMap((one) => listAt(one, "spec", "ports").map((port) => numberAt(port, "nodePort"))),
    );
    let port = firstNodePort;
    while (taken.has(port)) port++;
    return port;
  }
}
