import { openMemoryBus } from "@agentflow/bus/memory";
import { virtualWorld } from "@agentflow/host/virtual";
import { prefixes } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { tailBus } from "./tail.ts";

test("where the bus cannot say where one stream is to begin, none is followed", async () => {
  const bus = openMemoryBus({ world: virtualWorld() });
  const followed: string[] = [];
  const log: typeof bus.log = {
    ...bus.log,
    heads: async () => [0],
    head: async (prefix) => {
      if (prefix === prefixes.dead) throw new Error("the bus is away");
      return 0;
    },
    tail(options) {
      followed.push(...options.filter);
      return bus.log.tail(options);
    },
  };
  const sight = { tenant: undefined, reads: "all" } as const;
  const following = tailBus({ bus: { ...bus, log }, hidden: undefined }, sight, {
    kinds: new Set(["inputs", "telemetry", "dead"]),
    charactersMax: 100,
    onItem: () => undefined,
    onMissed: () => undefined,
    isBehind: () => false,
    signal: new AbortController().signal,
  });
  await expect(following).rejects.toThrow("the bus is away");
  expect(followed).toEqual([]);
});
