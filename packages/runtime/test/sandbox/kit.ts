/** An image like a worker's, made once for a state of the code, and calls of tools in containers of it. */
import { baseImages, testEngine } from "@agentflow/cluster/test-engine";
import { systemWorld } from "@agentflow/host/world";
import { type LogRecord, type SandboxPolicy, type SpanRecord, planSandbox } from "@agentflow/protocol";
import { execFile } from "node:child_process";
import { hash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { Call, CallEnd } from "../../src/channel/runner-messages.ts";
import type { SandboxSettings } from "../../src/channel/supervisor-messages.ts";
import { sandboxesOf } from "../../src/sandbox/for-worker.ts";
import { createSandboxes } from "../../src/sandbox/sandboxes.ts";
import type { SandboxSource } from "../../src/sandbox/source.ts";
import type { RunningCall } from "../../src/worker/runner-pool.ts";
import type { CallLost } from "../../src/worker/runner-port.ts";
import { type Scratch, scratchProject } from "../scratch-project.ts";

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../../../..");
const ours = ["protocol", "sdk", "host", "runtime", "bus", "core"];
export const testLabel = "dev.agentflow.test=sandbox";

let made: Promise<string> | undefined;

/** Holds what is built of our packages where the worker's image holds it. */
export function workerImage(): Promise<string> {
  made ??= makeImage();
  return made;
}

async function makeImage(): Promise<string> {
  const engine = await testEngine();
  const { node } = await baseImages(engine);
  const parts = ours.map((name) => path.join(root, "packages", name, "dist"));
  const tag = `agentflow-test/sandbox:${hashOf(parts)}`;
  const there = await engine.docker
    .getImage(tag)
    .inspect()
    .then(
      () => true,
      () => false,
    );
  if (there) return tag;
  const context = mkdtempSync(path.join(os.tmpdir(), "agentflow-image-"));
  const modules = path.join(context, "node_modules");
  for (const name of ours) {
    const from = path.join(root, "packages", name);
    const to = path.join(modules, "@agentflow", name);
    mkdirSync(to, { recursive: true });
    cpSync(path.join(from, "dist"), path.join(to, "dist"), { recursive: true });
    cpSync(path.join(from, "package.json"), path.join(to, "package.json"));
  }
  for (const name of ["zod", "yaml"]) {
    cpSync(path.join(root, "node_modules", name), path.join(modules, name), { recursive: true });
  }
  const lines = [`FROM ${node}`, `LABEL ${testLabel}`, "COPY node_modules /opt/agentflow/node_modules", ""];
  writeFileSync(path.join(context, "Dockerfile"), lines.join("\n"));
  const env = { ...process.env, DOCKER_HOST: engine.host, DOCKER_BUILDKIT: "0" };
  await run("docker", ["build", "-q", "-t", tag, context], { env });
  rmSync(context, { recursive: true, force: true });
  return tag;
}

function hashOf(dirs: readonly string[]): string {
  const names = dirs.flatMap((dir) =>
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile() && file.name.endsWith(".js"))
      .map((file) => path.join(file.parentPath, file.name)),
  );
  const text = names
    .sort()
    .map((name) => `${path.relative(root, name)} ${hash("sha256", readFileSync(name))}`);
  return hash("sha256", text.join("\n")).slice(0, 12);
}

export interface Sandboxed {
  readonly project: Scratch;
  readonly told: (LogRecord | SpanRecord)[];
  start(of?: StartOptions): Promise<RunningCall>;
  call(input?: Call["input"], of?: Omit<StartOptions, "input">): Promise<CallEnd | CallLost>;
  close(): Promise<void>;
}

export interface StartOptions {
  readonly input?: Call["input"];
  readonly tool?: string;
  readonly secrets?: Call["secrets"];
  readonly limitMs?: number;
}

/** A project with the tool `box.run`, whose body is given, and a worker's sandboxes for it. */
export async function sandboxed(of: {
  readonly image: string;
  readonly body: string;
  readonly sandbox?: Parameters<typeof planSandbox>[1];
  readonly policy?: SandboxPolicy;
  readonly effect?: "pure" | "irreversible";
  readonly files?: { readonly [file: string]: string };
  readonly settings?: SandboxSettings;
  /** Instead of what the settings lead to; its image holds the project. */
  readonly source?: SandboxSource;
}): Promise<Sandboxed> {
  const { image, body, sandbox = {}, policy, effect = "pure", files, settings, source } = of;
  const project = scratchProject({ "tools/box.ts": toolText(body), ...files });
  // As a checkout is: others than its owner may read it.
  await chmod(project.dir, 0o755);
  const engine = await testEngine();
  const told: (LogRecord | SpanRecord)[] = [];
  const world = systemWorld();
  const worker = { projectDir: project.dir, worker: "w1", tenant: "default" };
  const { clock } = world;
  const sandboxes =
    source === undefined
      ? sandboxesOf(worker, { host: engine.host, image, ...settings }, clock)
      : createSandboxes({ clock, projectDir: "/srv/project", source });
  const plan = planSandbox("box.run", sandbox, policy);
  if (plan === undefined) throw new Error("not untrusted");
  const signal = new AbortController().signal;
  const start = async ({
    input = {},
    tool = "box.run",
    secrets,
    limitMs = 20_000,
  }: StartOptions = {}): Promise<RunningCall> => {
    const place = { run: "r1", workflow: "w", step: "s", attempt: 1, callId: "r1:s" };
    const call: Call = {
      kind: "tool",
      name: tool,
      input,
      limitMs,
      ...place,
      ...(secrets === undefined ? {} : { secrets }),
    };
    const running = await sandboxes.start({
      call,
      tool: { name: tool, description: "for a test", effect, file: "tools/box.ts", sandbox: plan },
      code: "0123456789ab",
      onParts: undefined,
      signal,
      tell: (records) => void told.push(...records),
    });
    if (running === undefined) throw new Error("not started");
    return running;
  };
  return {
    project,
    told,
    start,
    call: async (input, more) => (await start({ ...more, ...(input === undefined ? {} : { input }) })).end,
    async close() {
      await sandboxes.close();
      project.remove();
    },
  };
}

export function toolText(body: string): string {
  return `import { defineTool } from "@agentflow/sdk";
import { z } from "zod";
import fs from "node:fs";
import os from "node:os";
import net from "node:net";
import { execFileSync, spawn, spawnSync } from "node:child_process";
export const run = defineTool({
  description: "for a test",
  input: z.any(),
  output: z.any(),
  effect: "pure",
  untrusted: true,
  async run(input, context) { ${body} },
});
`;
}
