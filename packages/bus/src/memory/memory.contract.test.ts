import { busContract, fastWorld, type Opened } from "../contract/index.ts";
import { type MemoryBus, type MemoryBusOptions, openMemoryBus } from "./index.ts";

type Temper = Pick<MemoryBusOptions, "polite" | "nasty" | "logs">;

// The suite counts hand-outs, so the twin repeats none by itself here; nasty.test.ts makes it do so.
const repeatRate = 0;
const veryNasty = {
  repeatRate,
  delayMsMax: 40,
  gapRate: 0.7,
  reorderWithin: 20,
  staleMs: 200,
  tailBatchMax: 2,
};

const tempers: readonly (Temper & { readonly name: string; readonly seed: number })[] = [
  { name: "memory, polite", polite: true, seed: 1 },
  ...[1, 2, 3, 4].map((seed) => ({ name: `memory, nasty, seed ${seed}`, nasty: { repeatRate }, seed })),
  ...[5, 6].map((seed) => ({ name: `memory, very nasty, seed ${seed}`, nasty: veryNasty, seed })),
  { name: "memory, 3 logs, nasty", nasty: { repeatRate }, seed: 7, logs: 3 },
  { name: "memory, 8 logs, very nasty", nasty: veryNasty, seed: 8, logs: 8 },
];

for (const { name, seed, ...temper } of tempers) {
  const here = fastWorld(seed);
  busContract(name, {
    capabilities: {
      durable: true,
      gaps: true,
      separateProcess: false,
      severalClients: true,
      restarts: true,
      lanes: temper.logs ?? 1,
      faults: ["failNextCommit", "loseNextAnswer", "lateAnswers", "cutConnection", "corruptBlob"],
      time: here.time,
    },
    open: async (options) => {
      const bus = openMemoryBus({ world: here, ...temper, ...options });
      return opened(bus, bus);
    },
  });
}

/** `client` is the first client of this life of the installation; `house` outlives it. */
function opened(house: MemoryBus, client: Opened["bus"]): Opened {
  const { faults } = house;
  const names = new Map<Opened["bus"], string>([[client, "main"]]);
  return {
    bus: client,
    second: async () => {
      const name = `client${names.size}`;
      const other = house.client(name);
      names.set(other, name);
      return other;
    },
    restart: async (kind, data) => {
      faults.restart({ kind, data });
      return opened(house, house.client("main"));
    },
    faults: {
      failNextCommit: async () => faults.failNext("append", "before"),
      loseNextAnswer: async () => faults.failNext("append", "after"),
      lateAnswers: async (ms) => faults.lateAnswers(ms),
      cutConnection: async (of) => faults.disconnect(names.get(of) ?? "nobody"),
      corruptBlob: async (key) => void faults.corruptBlob(key),
    },
    close: async () => {
      for (const one of names.keys()) await one.close();
    },
  };
}
