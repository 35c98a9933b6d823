/** `af dev --on docker` on a real engine: what holds without containers holds with them. */
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { baseImages, engineMissing, testEngine } from "@agentflow/cluster/test-engine";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Dev } from "./dev-process.ts";
import { openedHere, until } from "./opened.ts";
import { type Files, oneTool, type Scratch, toolFile, workflowFile } from "./scratch.ts";

const missing = await engineMissing();
afterAll(async () => {
  if (missing !== undefined) return;
  const { docker } = await testEngine();
  const made = await docker.listImages({ filters: { reference: ["agentflow/scratch"] } });
  // One that somebody uses stays.
  for (const { Id } of made)
    await docker
      .getImage(Id)
      .remove()
      .catch(() => undefined);
});

let last: Scratch | undefined;
afterEach(async () => {
  // Registered first, so it comes last: `af dev` has ended, which is what removes its container.
  if (last !== undefined) await until("no container is left", async () => (await containers()).length === 0);
  last = undefined;
});

const { project, start } = openedHere();
const it = missing === undefined ? test : test.skip;
const imageWithinMs = 300_000;

let environment: { readonly [name: string]: string } = {};
beforeAll(async () => {
  if (missing !== undefined) return;
  const engine = await testEngine();
  const { node } = await baseImages(engine);
  environment = { DOCKER_HOST: engine.host, AF_BASE_IMAGE: node, ...certificates() };
}, imageWithinMs);

it("a saved tool serves in the same container; a step in flight ends on the code it began with", async () => {
  const scratch = shared({
    "tools/work.ts": versioned("old"),
    "workflows/two.yaml": twoSteps,
    "out/.keep": "",
  });
  const dev = await ready(scratch, ["--writable", "out"]);
  const before = await containers();
  expect(before).toHaveLength(1);
  const { runs } = dev.client();
  const { run } = await runs.start("two", {});
  await until("the first step began", () => existsSync(path.join(scratch.dir, "out/begun-1")));
  scratch.write("tools/work.ts", versioned("new"));
  expect(await dev.next("reloaded")).toMatchObject({
    outcome: "loaded",
    files: ["tools/work.ts"],
    onOldCode: [{ run, step: "first", uses: "tool:work.go" }],
  });
  scratch.write("out/go", "");
  expect(await runs.wait(run)).toMatchObject({ status: "completed", output: { value: "oldnew" } });
  expect(await containers()).toEqual(before);
});

it("it is nobody's root, writes nothing but what it may, and is given secrets by no other way", async () => {
  const body = `const fs = await import("node:fs");
    const attempt = (file) => {
      try { fs.writeFileSync(file, "x"); return "written"; } catch (error) { return error.code; }
    };
    return { uid: process.getuid(), project: attempt("x.txt"), root: attempt("/x"), tmp: attempt("/tmp/x"),
      own: attempt("out/x"), key: context.secrets.get("model-key") === "sk-only-" + "over-the-line",
      far: process.env.HOME,
      hidden: fs.existsSync(".agentflow/token") };`;
  const scratch = shared({
    ...oneTool(body, { options: 'effect: "read", secrets: ["model-key"]' }),
    ".env": "MODEL_KEY=sk-only-over-the-line\n",
    "out/.keep": "",
  });
  // As its owner left it: the container could not read it, and need not.
  chmodSync(path.join(scratch.dir, ".env"), 0o600);
  const dev = await ready(scratch, ["--writable", "out"]);
  const { output } = await dev.client().runs.startAndWait("one", { n: 1 });
  const { uid, ...found } = valueOf(output);
  expect(uid).not.toBe(0);
  expect(found).toEqual({
    project: "EROFS",
    root: "EROFS",
    tmp: "written",
    own: "written",
    key: true,
    far: "/tmp",
    hidden: false,
  });
  const [id = ""] = await containers();
  const { docker } = await testEngine();
  expect(JSON.stringify(await docker.getContainer(id).inspect())).not.toContain("sk-only-over-the-line");
});

it("after kill -9 its container is gone, and the next one finishes the run", async () => {
  const scratch = shared({
    "tools/work.ts": versioned("old"),
    "workflows/two.yaml": twoSteps,
    "out/.keep": "",
  });
  const first = await ready(scratch, ["--writable", "out"]);
  const { run } = await first.client().runs.start("two", {});
  await until("the first step began", () => existsSync(path.join(scratch.dir, "out/begun-1")));
  await first.end("SIGKILL");
  await until("its container is gone", async () => (await containers()).length === 0);
  scratch.write("out/go", "");
  const second = await ready(scratch, ["--writable", "out"]);
  expect(await second.client().runs.wait(run)).toMatchObject({ status: "completed" });
});

it("a container that is killed is replaced, and its work goes on", async () => {
  const scratch = shared({
    "tools/work.ts": versioned("old"),
    "workflows/two.yaml": twoSteps,
    "out/.keep": "",
  });
  const dev = await ready(scratch, ["--writable", "out"]);
  const { runs } = dev.client();
  const { run } = await runs.start("two", {});
  await until("the first step began", () => existsSync(path.join(scratch.dir, "out/begun-1")));
  const [id = ""] = await containers();
  const { docker } = await testEngine();
  await docker.getContainer(id).kill();
  expect(await dev.next("worker_restarted")).toMatchObject({ reason: "code 137" });
  scratch.write("out/go", "");
  expect(await runs.wait(run)).toMatchObject({ status: "completed" });
  expect(await containers()).not.toContain(id);
});

it(
  "other dependencies are another image; a step in flight ends on the one before",
  async () => {
    const scratch = shared({
      "tools/work.ts": versioned("old"),
      "workflows/two.yaml": twoSteps,
      "out/.keep": "",
    });
    const dev = await ready(scratch, ["--writable", "out"]);
    const before = await containers();
    const { runs } = dev.client();
    const { run } = await runs.start("two", {});
    await until("the first step began", () => existsSync(path.join(scratch.dir, "out/begun-1")));
    scratch.write(
      "vendor/lean/package.json",
      '{"name":"lean","version":"1.0.0","type":"module","exports":"./index.js"}',
    );
    scratch.write("vendor/lean/index.js", "export const lean = 7;");
    scratch.write("package.json", packageWith({ zod: "4.6.7", lean: "file:vendor/lean" }));
    await dev.next("log", { where: ({ message }) => message === "worker drains", withinMs: imageWithinMs });
    scratch.write("out/go", "");
    const rebuilt = await dev.next("rebuilt", { withinMs: imageWithinMs });
    expect(rebuilt["error"]).toBeUndefined();
    expect(await runs.wait(run)).toMatchObject({ status: "completed", output: { value: "oldold" } });
    expect(await containers()).not.toEqual(before);
    // A package of the project's own folder comes from where it is mounted.
    scratch.write("tools/work.ts", `import { lean } from "lean";\n${toolFile("return lean;")}`);
    await dev.next("reloaded");
    const { run: second } = await runs.start("two", {});
    expect(await runs.wait(second)).toMatchObject({ status: "completed", output: { value: 14 } });
  },
  imageWithinMs,
);

it("a debugger reaches the runner in the container by the port of this machine", async () => {
  const scratch = shared(oneTool("return n;"));
  const port = await freePort();
  const dev = await ready(scratch, ["--inspect", String(port)]);
  const { url } = await dev.next("inspecting");
  expect(url).toContain(`:${port}/`);
  const listed: unknown = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  expect(listed).toMatchObject([{ type: "node" }]);
});

it("a secret that is set while it runs reaches the next call", async () => {
  const body = 'return context.secrets.get("model-key") === "sk-" + "the-second-one";';
  const scratch = shared({
    ...oneTool(body, { options: 'effect: "read", secrets: ["model-key"]' }),
    ".env": "MODEL_KEY=sk-the-first-one\n",
  });
  const dev = await ready(scratch);
  const { runs } = dev.client();
  expect(await runs.startAndWait("one", { n: 1 })).toMatchObject({ output: { value: false } });
  scratch.write(".env", "MODEL_KEY=sk-the-second-one\n");
  await until("it was given", async () => {
    const { output } = await runs.startAndWait("one", { n: 1 });
    return JSON.stringify(output) === '{"value":true}';
  });
});

it("a folder that the container's user may not read is named, with what to do", async () => {
  const scratch = project(oneTool("return n;"));
  last = scratch;
  chmodSync(scratch.dir, 0o700);
  if (process.getuid?.() !== 0) return;
  const dev = start(scratch, { args: ["--on", "docker"], environment });
  expect(await dev.exited).toBe(8);
  expect(dev.said()).toContain("project_not_shared");
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === "object" ? address.port : 0));
    });
  });
}

async function ready(scratch: Scratch, words: readonly string[] = []): Promise<Dev> {
  const dev = start(scratch, { args: ["--on", "docker", ...words], environment });
  await dev.next("ready", { withinMs: imageWithinMs });
  return dev;
}

/** A project that any user may read, with a folder that any may write. */
function shared(files: Files): Scratch {
  const scratch = project({ "package.json": packageWith({ zod: "4.6.7" }), ...files });
  last = scratch;
  chmodSync(scratch.dir, 0o755);
  mkdirSync(path.join(scratch.dir, "out"), { recursive: true });
  chmodSync(path.join(scratch.dir, "out"), 0o777);
  return scratch;
}

function packageWith(dependencies: { readonly [name: string]: string }): string {
  return JSON.stringify({ name: "scratch", type: "module", dependencies });
}

async function containers(): Promise<readonly string[]> {
  const [{ docker }, { devLabels }] = await Promise.all([testEngine(), import("@agentflow/cluster/dev")]);
  const found = await docker.listContainers({ all: true, filters: { label: [devLabels.key] } });
  const own = found.filter(({ Mounts }) => Mounts.some(({ Source }) => Source === last?.dir));
  return own.map(({ Id }) => Id);
}

/** Behind a company's proxy the image is built with its roots. */
function certificates(): { readonly [name: string]: string } {
  const file = process.env["NODE_EXTRA_CA_CERTS"] ?? "";
  return existsSync(file) && readFileSync(file).length > 0 ? { NODE_EXTRA_CA_CERTS: file } : {};
}

function valueOf(output: unknown): { readonly [name: string]: unknown } {
  const value: unknown =
    output !== null && typeof output === "object" && "value" in output ? output.value : undefined;
  return Object.fromEntries(Object.entries(value ?? {}));
}

const twoSteps = workflowFile(
  "two",
  [
    'first: {uses: "tool:work.go", with: {n: 1}}',
    'second: {uses: "tool:work.go", with: {n: 2}, needs: [first]}',
  ],
  "${steps.first.output + steps.second.output}",
);

/** The first call waits for the file `out/go`; all answer with the version. */
function versioned(version: string): string {
  return toolFile(
    `const fs = await import("node:fs");
    fs.writeFileSync("out/begun-" + n, "");
    while (n === 1 && !fs.existsSync("out/go")) await new Promise((resolve) => setTimeout(resolve, 10));
    return "${version}";`,
  );
}
