/** `af top`'s screen: rates from two looks, frames of any size, keys. */
import { expect, test } from "vitest";
import { render } from "../src/output/text.ts";
import { changes } from "../src/screen/full-screen.ts";
import { type Frame, frameOf, type Shown } from "../src/top/frame.ts";
import { firstLook, type Looking, press } from "../src/top/model.ts";
import { RateKeeper } from "../src/top/rates.ts";
import { topAnswer } from "./recorded-bus.ts";

const size = { columns: 120, rows: 20 };

function seen(): Shown {
  const rates = new RateKeeper();
  rates.next(topAnswer(0));
  const view = rates.next(topAnswer(2));
  return { where: "dev", view, nowMs: Date.parse(view.top.at) + 500, intervalMs: 2_000 };
}

const linesOf = ({ lines }: Frame): string[] => lines.map((line) => render(line, false).trimEnd());
const screenOf = (looking: Looking, shown = seen(), of = size): string =>
  linesOf(frameOf(shown, looking, of)).join("\n");

/** What a person sees after these keys. */
function after(...keys: string[]): string {
  let looking = firstLook;
  for (const key of keys) {
    const next = press(looking, key, frameOf(seen(), looking, size).sight);
    if (next === undefined) return "left";
    looking = next;
  }
  return screenOf(looking);
}

test("rates are the difference of two looks, and none where counting began anew", () => {
  const rates = new RateKeeper();
  expect(rates.next(topAnswer(0)).rates).toBeUndefined();
  const { rates: told, workers } = rates.next(topAnswer(2));
  expect(told).toMatchObject({ overMs: 2_000, runsStartedPerS: 10, runsCompletedPerS: 8, runsFailedPerS: 1 });
  expect(workers[0]).toMatchObject({ tasksPerS: 30, cpuPercent: 10, runnersCpuPercent: 150 });
  const again = rates.next({ ...topAnswer(4), since: "2026-11-26T12:00:03.000Z" });
  expect(again.rates).toBeUndefined();
});

test("a worker that said nothing since the last look keeps its rates; one that began anew has none", () => {
  const rates = new RateKeeper();
  rates.next(topAnswer(0));
  const two = topAnswer(2);
  expect(rates.next(two).workers[0]?.tasksPerS).toBe(30);
  expect(rates.next({ ...topAnswer(3), workers: two.workers }).workers[0]?.tasksPerS).toBe(30);
  const fresh = topAnswer(4).workers.map((row) => ({ ...row, since: topAnswer(3).at, tasksEnded: 0 }));
  const [worker] = rates.next({ ...topAnswer(4), workers: fresh }).workers;
  expect(worker).not.toHaveProperty("tasksPerS");
});

test("the head tells runs, rates, latency and what waits; the pools what they have to do", () => {
  const screen = screenOf(firstLook);
  expect(screen).toContain("runs 2 running, 40 completed  started/s 10  ended/s 9.0  failed/s 1.0");
  expect(screen).toContain(
    "steps/s 20  p50 12ms  p95 90ms  approvals 1  timers 4  dead letters 2  behind 3ms",
  );
  expect(screen).toMatch(/default\s+1\s+8\s+3\s+5\s+1m 5s\s+30/);
});

test("each view has its key; tab goes round; workers show what their processes use", () => {
  expect(after("w")).toMatch(/w1\s+default\s+ready\s+0\/8\s+30\s+60\s+10\s+80\.0 MiB\s+150\s+200 MiB/);
  expect(after("b")).toMatch(/log\s+1200\s+3\.8 MiB/);
  expect(after("c")).toContain("no containers");
  expect(after("r")).toContain("asking");
  expect(after("tab")).toBe(after("w"));
  expect(after("shift-tab", "tab")).toBe(after());
});

test("rows are ordered by any column, either way round, and filtered by what is typed", () => {
  const rows = (screen: string): string[] => screen.match(/^(default|gpu)/gm) ?? [];
  expect(rows(after())).toEqual(["default", "gpu"]);
  expect(rows(after("S"))).toEqual(["gpu", "default"]);
  expect(rows(after("s"))).toEqual(["gpu", "default"]);
  expect(rows(after("/", "g", "p", "backspace", "p", "enter"))).toEqual(["gpu"]);
  expect(rows(after("/", "g", "enter", "escape"))).toEqual(["default", "gpu"]);
  // A letter that is typed is no command.
  expect(rows(after("/", "q", "enter"))).toEqual([]);
});

test("containers go by part and copy: a narrow screen has no room for what all names begin with", () => {
  const one = {
    id: "c1",
    name: "a-project-of-a-long-name-docker-worker-default-2",
    part: "worker-default",
    state: "running",
    health: "healthy",
    restarts: 0,
  } as const;
  const looking = { ...firstLook, view: "containers" } as const;
  const size = { columns: 80, rows: 20 };
  const screen = screenOf(looking, { ...seen(), containers: { rows: [one] } }, size);
  expect(screen).toMatch(/^worker-default-2 +running, healthy/m);
  const unmeasured = "the cluster serves no metrics";
  expect(screenOf(looking, { ...seen(), containers: { rows: [one], unmeasured } }, size)).toContain(
    unmeasured,
  );
});

test("of a worker its name stays whole where the screen is narrow, not its code", () => {
  const view = seen();
  const workers = view.view?.workers.map((row) => ({ ...row, worker: "worker-default-1" })) ?? [];
  const shown = view.view === undefined ? view : { ...view, view: { ...view.view, workers } };
  const screen = screenOf({ ...firstLook, view: "workers" }, shown, { columns: 110, rows: 20 });
  expect(screen).toMatch(/^worker-default-1 /m);
  expect(screen).toContain("…");
});

test("q and ctrl-c leave, space holds the picture, ? explains and any key goes back", () => {
  expect(after("q")).toBe("left");
  expect(after("/", "ctrl-c")).toBe("left");
  expect(after("space")).toContain("paused");
  expect(after("?")).toContain("order by the next");
  expect(after("?", "w")).toBe(after());
});

test("a frame is as big as its screen, however small, and never wider", () => {
  for (const columns of [40, 63, 120, 200]) {
    for (const rows of [8, 9, 24, 50]) {
      for (const view of ["pools", "workers", "runs", "bus", "containers"] as const) {
        const lines = linesOf(frameOf(seen(), { ...firstLook, view }, { columns, rows }));
        expect(lines).toHaveLength(rows);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
      }
    }
  }
});

test("a lost installation is said, with what was known last below it", () => {
  const shown = { ...seen(), lost: { sinceMs: seen().nowMs - 12_000, message: "no answer\u001b[2J" } };
  const screen = screenOf(firstLook, shown);
  expect(screen).toContain("no answer for 12s: no answer\\x1b[2J; asking again");
  expect(screen).toContain("default");
});

test("what comes from outside moves nothing on the screen", () => {
  const shown = seen();
  const hostile = { ...shown, where: "x\u001b]0;owned\u0007" };
  expect(screenOf(firstLook, hostile)).not.toContain("\u001b");
});

test("only lines that changed are written, each at its place", () => {
  expect(changes(["a", "b", "c"], ["a", "x", "c"])).toBe("\u001b[2;1Hx\u001b[K");
  expect(changes(["a", "b"], ["a", "b"])).toBe("");
  expect(changes(["a", "b"], ["a"])).toBe("\u001b[2;1H\u001b[J");
});
