import { type AgentFlowError, parseId } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { type Done, FairDoor } from "./fair-door.ts";

const [red, blue] = [parseId("tenant", "red"), parseId("tenant", "blue")];

/** A door with room for two of each, and a clock that is moved by hand. */
function doorOf(fairWaitingMax = 100) {
  const at = { ms: 0 };
  const world = { clock: { monotonic: () => at.ms } };
  const door = new FairDoor({ world, config: { fairInFlight: 2, fairWithinMs: 1_000, fairWaitingMax } });
  const begun: string[] = [];
  const open: Done[] = [];
  const enter = (tenant: typeof red, name: string): void =>
    door.enter({ tenant, from: "clients" }, (done) => {
      begun.push(name);
      open.push(done);
    });
  return { at, door, begun, open, enter };
}

test("a tenant that is alone is never kept waiting", () => {
  const { begun, enter } = doorOf();
  for (let n = 0; n < 1_000; n++) enter(red, `red ${n}`);
  expect(begun.length).toBe(1_000);
});

test("beside another, a tenant has a few under way; the next begins, in order, as one is done", () => {
  const { begun, open, enter } = doorOf();
  enter(red, "red 0");
  enter(blue, "blue 0");
  for (let n = 1; n <= 5; n++) enter(red, `red ${n}`);
  enter(blue, "blue 1");
  expect(begun).toEqual(["red 0", "blue 0", "red 1", "blue 1"]);
  open[0]?.();
  // Done is done once.
  open[0]?.();
  expect(begun.slice(4)).toEqual(["red 2"]);
  open[2]?.();
  expect(begun.slice(5)).toEqual(["red 3"]);
});

test("the thousands that one sent before the other came do not grow", () => {
  const { begun, open, enter } = doorOf();
  for (let n = 0; n < 50; n++) enter(red, "red");
  enter(blue, "blue");
  for (let n = 0; n < 50; n++) enter(red, "red");
  expect(begun.length).toBe(51);
  for (const done of open.splice(0, 50)) done();
  // Fifty had to end before the first two of those that wait could begin.
  expect(begun.length).toBe(53);
});

test("once the other has gone, what waits comes in faster, and then nobody waits", () => {
  const { at, begun, open, enter } = doorOf(1_000);
  enter(blue, "blue");
  for (let n = 0; n < 200; n++) enter(red, "red");
  expect(begun.length).toBe(3);
  at.ms = 5_000;
  open.at(-1)?.();
  expect(begun.length).toBeGreaterThan(60);
  while (open.length > 0) open.pop()?.();
  expect(begun.length).toBe(201);
  enter(red, "red");
  expect(begun.length).toBe(202);
});

test("too much in a line is refused with the time after which to come again", () => {
  const { enter } = doorOf(3);
  enter(blue, "blue");
  for (let n = 0; n < 5; n++) enter(red, "red");
  const refused = (): void => enter(red, "red");
  expect(refused).toThrow(
    expect.objectContaining({
      code: "limit_exceeded",
      reason: "too_many_waiting",
      details: expect.objectContaining({ retryAfterMs: 1_000 }),
    } satisfies Partial<Record<keyof AgentFlowError, unknown>>),
  );
});

test("work that is done at once lets thousands in without a stack of them", () => {
  const { door, open, enter } = doorOf(100_000);
  enter(blue, "blue");
  enter(red, "red");
  enter(red, "red");
  let count = 0;
  for (let n = 0; n < 50_000; n++)
    door.enter({ tenant: red, from: "clients" }, (done) => {
      count++;
      done();
    });
  open[1]?.();
  expect(count).toBe(50_000);
});

test("a door that opens lets everything in", () => {
  const { door, begun, enter } = doorOf();
  enter(blue, "blue");
  for (let n = 0; n < 20; n++) enter(red, "red");
  door.open();
  expect(begun.length).toBe(21);
});

test("reports of a tenant's workers do not wait behind its starts", () => {
  const { door, begun, enter } = doorOf();
  enter(blue, "blue");
  for (let n = 0; n < 20; n++) enter(red, "red");
  expect(begun.length).toBe(3);
  door.enter({ tenant: red, from: "workers" }, () => begun.push("report"));
  expect(begun.at(-1)).toBe("report");
});
