/** What containers print, as it is read from a real engine. */
import { afterEach, expect, test } from "vitest";
import { type ContainerLine, followContainerLines, readContainerLines, timesOf } from "@agentflow/cluster";
import { type Engine, openEngine } from "@agentflow/cluster/engine";
import { labels } from "../../src/model/names.ts";
import { baseImages, engineMissing, testEngine } from "../engine/index.ts";

const missing = await engineMissing();
const of = { project: `logs-test-${process.pid}`, target: "docker" };
const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of open.splice(0).toReversed()) await end();
});

async function engine(): Promise<Engine> {
  const { host } = await testEngine();
  const opened = await openEngine({ host, verify: true, from: "the test" });
  open.push(async () => opened.close());
  return opened;
}

/** A container that prints lines and then waits to be killed. */
async function printing({ docker }: Engine, text: string): Promise<{ kill(): Promise<void> }> {
  const { node } = await baseImages(await testEngine());
  const code = `${text}; setInterval(() => console.log("tick"), 200)`;
  const container = await docker.createContainer({
    Image: node,
    Cmd: ["node", "-e", code],
    Labels: {
      [labels.project]: of.project,
      [labels.target]: of.target,
      [labels.part]: "worker-default",
      [labels.copy]: "1",
    },
  });
  const kill = async (): Promise<void> => container.remove({ force: true });
  open.push(() => kill().catch(() => undefined));
  await container.start();
  return { kill };
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600 && !(await what()); tries++) await new Promise((go) => setTimeout(go, 50));
  expect(await what()).toBe(true);
}

test.skipIf(missing !== undefined)(
  `lines of a container and of the one that replaces it come each once ${missing ?? ""}`,
  async () => {
    const opened = await engine();
    const long = "console.log('x'.repeat(40_000))";
    const first = await printing(opened, `console.log('one'); console.error('two'); ${long}`);
    let page: ContainerLine[] = [];
    await until(async () => {
      page = await readContainerLines(opened, of, { tail: 100 });
      return page.filter(({ text }) => text !== "tick").length === 3;
    });
    expect(new Set(page.map(({ copy }) => copy))).toEqual(new Set(["worker-default-1"]));
    const said = page.filter(({ text }) => text !== "tick");
    expect(said.map(({ stream, text }) => `${stream} ${text.slice(0, 3)} ${text.length}`).toSorted()).toEqual(
      ["stderr two 3", "stdout one 3", "stdout xxx 40000"],
    );
    const told: string[] = [];
    let ended = 0;
    const stop = new AbortController();
    const following = followContainerLines(opened, of, {
      behind: timesOf(page),
      signal: stop.signal,
      onLine: ({ text }) => told.push(text),
      onEnd: () => void ended++,
    });
    await until(() => told.includes("tick"));
    await first.kill();
    await until(() => ended === 1);
    await printing(opened, "console.log('three'); console.log('four')");
    await until(() => told.includes("four"));
    stop.abort();
    await following;
    expect(told.filter((text) => text !== "tick")).toEqual(["three", "four"]);
  },
  120_000,
);
