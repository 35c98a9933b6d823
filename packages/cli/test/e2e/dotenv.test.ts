/** `.env` and `af secrets set` while `af dev` runs: the next call has the new value, and nothing restarts. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { runAf } from "../run-af.ts";
import { openedHere } from "./opened.ts";
import { oneTool } from "./scratch.ts";

const { project, ready } = openedHere();

/** The value itself would come out hidden. */
const body = `
  const { createHash } = await import("node:crypto");
  const value = context.secrets.get("a-key");
  const hash = createHash("sha256").update(value).digest("hex");
  return { hash, inherited: process.env["A_KEY"] ?? null };`;

const files = oneTool(body, { options: `effect: "pure", secrets: ["a-key"]` });
const hashOf = (value: string): string => createHash("sha256").update(value).digest("hex");

test("a saved .env and a set secret are taken over by the next call, on the same runner", async () => {
  const scratch = project(files);
  scratch.write(".env", "A_KEY=value-one\n");
  const dev = await ready(scratch);
  const { runs } = dev.client();
  const { runners } = dev;
  const output = async (): Promise<unknown> => (await runs.startAndWait("one", { n: 1 })).output;
  expect(await output()).toEqual({ value: { hash: hashOf("value-one"), inherited: null } });
  scratch.write(".env", `A_KEY="value-two"\n\nstrange line\n`);
  expect(await dev.next("secrets_read")).toMatchObject({
    files: [".env"],
    names: ["a-key"],
    faults: [".env:3 is no NAME=value"],
  });
  expect(await output()).toEqual({ value: { hash: hashOf("value-two"), inherited: null } });
  const set = await runAf(["secrets", "set", "a-key"], { cwd: scratch.dir, stdin: "value-three" });
  expect(set.stderr).toContain("The value from .env is not used any more.");
  expect(await output()).toEqual({ value: { hash: hashOf("value-three"), inherited: null } });
  await dev.next("secrets_read", {
    where: ({ files: changed }) => JSON.stringify(changed).includes("secrets.json"),
  });
  expect(dev.runners).toEqual(runners);
  expect(dev.events.filter(({ kind }) => kind === "reloaded")).toEqual([]);
});

test("a tool whose secret nobody has set says how to set it", async () => {
  const dev = await ready(project(files));
  const { status, failure } = await dev.client().runs.startAndWait("one", { n: 1 });
  expect(status).toBe("failed");
  expect(JSON.stringify(failure)).toContain("af secrets set a-key");
});

test("env:// in settings is what the environment says, then .env, then its default", async () => {
  const settings = `settings:\n  worker: {slots: "env://SLOTS?2"}\n  log: {level: "env://LEVEL?info"}\n`;
  const scratch = project(files);
  scratch.write("agentflow.yaml", `apiVersion: agentflow.dev/v1\nkind: Project\nname: scratch\n${settings}`);
  const seen = async (environment: { readonly [name: string]: string }): Promise<string> =>
    (await runAf(["config", "view", "--set"], { cwd: scratch.dir, environment })).stdout;
  expect(await seen({})).toMatch(/worker\.slots +2/);
  scratch.write(".env", "SLOTS=3\nLEVEL=debug\n");
  expect(await seen({})).toMatch(/worker\.slots +3/);
  expect(await seen({ SLOTS: "4" })).toMatch(/worker\.slots +4/);
});
