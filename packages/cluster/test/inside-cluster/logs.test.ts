/** Shown against the test API server, whose pods are programs of this host. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ContainerLine } from "../../src/docker/logs.ts";
import type { OpenPlace } from "../../src/kubernetes/inside/place.ts";
import { followPodLines, readPodLines } from "../../src/kubernetes/inside/logs.ts";
import { type Played, playRelease, release } from "./release.ts";

const within = { timeout: 20_000, interval: 50 };

/** Counts, twenty times a second; says so when it is told to end. */
const count = `
let n = 0;
setInterval(() => console.log("line " + ++n), 50);
process.on("SIGTERM", () => { console.log("told to end"); process.exit(0); });`;
const counter = [process.execPath, "-e", count];

describe("what pods print", () => {
  let played: Played;
  let place: OpenPlace;
  const made: string[] = [];
  let stop = new AbortController();

  beforeAll(async () => {
    played = await playRelease();
    place = await played.open();
  }, 60_000);
  afterEach(async () => {
    stop.abort();
    stop = new AbortController();
    for (const name of made.splice(0)) {
      await played.remove(name).catch(() => undefined);
      await played.until(name, (state) => state === "gone");
    }
  });
  afterAll(async () => {
    place.cluster.close();
    await played.stop();
  });

  async function worker(name: string, command: readonly string[], labels = {}): Promise<string> {
    const full = `${release}-worker-${name}`;
    made.push(full);
    await played.pod({ name: full, part: "worker-default", command, labels });
    await played.until(full, (state) => state === "ready" || state === "Succeeded" || state === "Failed");
    return full;
  }

  function follow(behind: ReadonlyMap<string, string> = new Map()) {
    const lines: ContainerLine[] = [];
    const ended: string[] = [];
    const following = followPodLines(place.cluster, place, {
      behind,
      signal: stop.signal,
      onLine: (line) => lines.push(line),
      onEnd: ({ copy }) => ended.push(copy),
    });
    const of = (copy: string): string[] => lines.filter((line) => line.copy === copy).map(({ text }) => text);
    return { lines, ended, following, of };
  }

  test("lines of all pods, each under its name, the newest of each", async () => {
    await worker("a", ["/bin/sh", "-c", "for n in 1 2 3 4 5; do echo a $n; done; exec sleep 1000"]);
    await worker("b", ["/bin/sh", "-c", "echo b 1; exec sleep 1000"]);
    const read = async () =>
      (await readPodLines(place.cluster, place, { tail: 3 }))
        .map(({ copy, text }) => `${copy}: ${text}`)
        .sort();
    await expect
      .poll(read, within)
      .toEqual(["worker-a: a 3", "worker-a: a 4", "worker-a: a 5", "worker-b: b 1"]);
  }, 60_000);

  test("a pod that is deleted while followed gives its last lines; the next is taken up", async () => {
    const first = await worker("a", counter);
    const { of, ended } = follow();
    await expect.poll(() => of("worker-a").length, within).toBeGreaterThan(10);
    await played.remove(first);
    await worker("b", counter);
    await expect.poll(() => ended, within).toContain("worker-a");
    await expect.poll(() => of("worker-b").length, within).toBeGreaterThan(10);
    expect(of("worker-a")).toEqual([...counted(of("worker-a").length - 1), "told to end"]);
    expect(of("worker-b")).toEqual(counted(of("worker-b").length));
  }, 60_000);

  test("connections that break lose no line and show none twice", async () => {
    await worker("a", counter);
    const { of } = follow();
    for (let cuts = 0; cuts < 4; cuts++) {
      const before = of("worker-a").length;
      await expect.poll(() => of("worker-a").length, within).toBeGreaterThan(before + 5);
      played.test.faults.cut();
    }
    const before = of("worker-a").length;
    await expect.poll(() => of("worker-a").length, within).toBeGreaterThan(before + 5);
    expect(of("worker-a")).toEqual(counted(of("worker-a").length));
  }, 60_000);

  test("a container that is started again goes on, and --previous is what it printed before", async () => {
    const ends =
      'console.log("begin", process.pid); console.log("end", process.pid); setTimeout(process.exit, 300, 1)';
    await worker("a", [process.execPath, "-e", ends]);
    const { of } = follow();
    const begun = (): string[] => of("worker-a").filter((text) => text.startsWith("begin"));
    await expect.poll(() => new Set(begun()).size, within).toBeGreaterThan(2);
    expect(new Set(of("worker-a")).size).toBe(of("worker-a").length);
    const kinds = of("worker-a").map((text) => text.split(" ")[0]);
    expect(kinds.slice(0, 6)).toEqual(["begin", "end", "begin", "end", "begin", "end"]);
    const previous = async (): Promise<string[]> =>
      (await readPodLines(place.cluster, place, { tail: 10, previous: true })).map(({ text }) => text);
    await expect.poll(async () => (await previous()).length, within).toBe(2);
    const [start = ""] = await previous();
    expect(of("worker-a")).toContain(start);
  }, 60_000);

  test("it goes on behind what was read, also when that was a page ago", async () => {
    await worker("a", counter);
    const read = () => readPodLines(place.cluster, place, { tail: 1_000 });
    await expect.poll(async () => (await read()).length, within).toBeGreaterThan(5);
    const page = await read();
    const { of } = follow(new Map(page.map(({ id, time }) => [id, time])));
    await expect.poll(() => of("worker-a").length, within).toBeGreaterThan(5);
    const all = [...page.map(({ text }) => text), ...of("worker-a")];
    expect(all).toEqual(counted(all.length));
  }, 60_000);
});

function counted(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `line ${at + 1}`);
}
