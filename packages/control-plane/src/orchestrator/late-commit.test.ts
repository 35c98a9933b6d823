import type { Bus } from "@agentflow/bus";
import { AgentFlowError, defaultTenant, parseId } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import { Kit } from "./fixtures/engine-kit.ts";

let kit: Kit | undefined;
afterEach(() => kit?.close());

interface Weather {
  /** Writes of rows fail. */
  isAway: boolean;
  /** Answers to appends wait for this. */
  answers: Promise<void>;
  /** So many reads do not tell of the newest commit. */
  old: number;
}

function under(weather: Weather, bus: Bus): Bus {
  const { log, table } = bus;
  const append: typeof log.append = async (...args) => {
    const appended = await log.append(...args);
    await weather.answers;
    return appended;
  };
  const read: typeof log.read = async (...args) => {
    const entries = await log.read(...args);
    return weather.old-- > 0 ? entries.slice(0, -1) : entries;
  };
  const put: typeof table.put = async (...args) => {
    if (weather.isAway) throw new AgentFlowError("unavailable", "away");
    return table.put(...args);
  };
  return { ...bus, log: { ...log, append, read }, table: { ...table, put } };
}

test("a commit that is acknowledged between losing a shard and having it again is acted on", async () => {
  const made = new Kit(1, { polite: true });
  kit = made;
  const weather: Weather = { isAway: false, answers: Promise.resolve(), old: 0 };
  const engine = await made.sharing("a", { bus: under(weather, made.bus.client("a")) });
  await made.pass(2_000);
  await made.register(engine, "one", { only: { uses: "tool:t.echo", with: { x: "${input.x}" } } });
  await made.pass(100);
  const answered = Promise.withResolvers<void>();
  weather.answers = answered.promise;
  const body = made.body("one", { x: 1 });
  const started = engine.runs.start(defaultTenant, body, { waitMs: 0 });
  await made.pass(100);
  weather.isAway = true;
  await made.pass(6_000);
  expect(engine.shards).toHaveLength(0);
  answered.resolve();
  await made.pass(100);
  // It has them again, and what is read of the run is from before.
  weather.old = 2;
  weather.isAway = false;
  made.worker();
  await made.drive(started.catch(() => undefined));
  await made.pass(5_000);
  const run = parseId("run", body.run);
  const ended = await made.drive(engine.runs.wait(defaultTenant, run, { waitMs: 60_000 }));
  expect(weather.old).toBeLessThan(0);
  expect(ended.status).toBe("completed");
});
