import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";
import { render } from "./finding.ts";
import { tidy } from "./tidy.ts";

type Files = Readonly<Record<string, string>>;

/** What tidy says about a made-up repository, each as `path:line rule`. */
function tidyOf(files: Files): string[] {
  const root = mkdtempSync(join(tmpdir(), "agentflow-tidy-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return tidy(root).map(({ path, line, rule }) => `${path}:${line} ${rule}`);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const lines = (count: number, line: string): string => `${line}\n`.repeat(count);
const manifest = (json: object): string => JSON.stringify(json, null, 2);

test("this repository keeps every rule", () => {
  expect(tidy(resolve(import.meta.dirname, "../..")).map(render)).toEqual([]);
});

const faults: readonly [promise: string, files: Files, finding: string][] = [
  [
    "an import that points up is refused",
    { "packages/bus/src/a.ts": 'import { x } from "@agentflow/core";\n' },
    "packages/bus/src/a.ts:1 floor",
  ],
  [
    "an import that points up is refused though it brings types alone",
    { "packages/sdk/src/a.ts": 'import type { Log } from "@agentflow/bus";\n' },
    "packages/sdk/src/a.ts:1 floor",
  ],
  [
    "an import that points up is refused as a re-export too",
    { "packages/protocol/src/a.ts": '\nexport * from "@agentflow/core";\n' },
    "packages/protocol/src/a.ts:2 floor",
  ],
  [
    "the servers meet on the wire: neither imports the other",
    { "packages/runtime/src/a.ts": 'type X = import("@agentflow/control-plane").X;\n' },
    "packages/runtime/src/a.ts:1 floor",
  ],
  [
    "the command line may not load a server outside its local folder, not even lazily",
    { "packages/cli/src/commands/a.ts": 'await import("@agentflow/runtime");\n' },
    "packages/cli/src/commands/a.ts:1 floor",
  ],
  [
    "the command line may not load a server eagerly, not even in its local folder",
    { "packages/cli/src/local/a.ts": 'import { x } from "@agentflow/runtime";\n' },
    "packages/cli/src/local/a.ts:1 lazy-import",
  ],
  [
    "the command line may not load core eagerly",
    { "packages/cli/src/a.ts": 'import { x } from "@agentflow/core/plan";\n' },
    "packages/cli/src/a.ts:1 lazy-import",
  ],
  [
    "another package's files are out of reach by name",
    { "packages/core/src/a.ts": 'import { x } from "@agentflow/protocol/src/ids";\n' },
    "packages/core/src/a.ts:1 deep-import",
  ],
  [
    "another package's files are out of reach by path",
    { "tools/a.ts": 'import { x } from "../packages/protocol/src/ids.ts";\n' },
    "tools/a.ts:1 deep-import",
  ],
  [
    "a broker's client stays in that broker's folder",
    { "packages/bus/src/embedded/a.ts": 'import { jetstream } from "@nats-io/jetstream";\n' },
    "packages/bus/src/embedded/a.ts:1 broker-client",
  ],
  [
    "core imports no part of Node",
    { "packages/core/src/a.ts": 'import { createHash } from "node:crypto";\n' },
    "packages/core/src/a.ts:1 pure",
  ],
  [
    "the expression library stays in core/expr",
    { "packages/core/src/run/a.ts": 'import { parse } from "@marcbachmann/cel-js";\n' },
    "packages/core/src/run/a.ts:1 pure",
  ],
  [
    "protocol imports nothing but the schema library",
    { "packages/protocol/src/a.ts": 'import { parse } from "yaml";\n' },
    "packages/protocol/src/a.ts:1 pure",
  ],
  [
    "core is never asynchronous",
    { "packages/core/src/a.ts": "\nexport async function decide() {}\n" },
    "packages/core/src/a.ts:2 pure",
  ],
  [
    "two files that import each other are a cycle",
    {
      "packages/bus/src/a.ts": '\nimport { b } from "./b.ts";\n',
      "packages/bus/src/b.ts": 'import { a } from "./a.ts";\n',
    },
    "packages/bus/src/a.ts:2 cycle",
  ],
  [
    "two files that need each other's types are a cycle",
    {
      "packages/bus/src/a.ts": 'import type { B } from "./deep/b.ts";\n',
      "packages/bus/src/deep/b.ts": 'export type { A } from "../a.ts";\n',
    },
    "packages/bus/src/a.ts:1 cycle",
  ],
  [
    "a cycle through a package's own entry is found",
    {
      "packages/bus/package.json": manifest({
        name: "@agentflow/bus",
        exports: { "./port": { "@agentflow/source": "./src/port.ts", default: "./dist/port.js" } },
      }),
      "packages/bus/src/a.ts": 'import { b } from "@agentflow/bus/port";\n',
      "packages/bus/src/port.ts": 'export * from "./a.ts";\n',
    },
    "packages/bus/src/a.ts:1 cycle",
  ],
  [
    "a file of more than 400 lines is too long",
    { "packages/bus/src/a.ts": lines(401, "//") },
    "packages/bus/src/a.ts:1 file-length",
  ],
  [
    "a function of more than 70 lines is too long",
    { "packages/bus/src/a.ts": `\nexport const f = () => {\n${lines(69, "//")}};\n` },
    "packages/bus/src/a.ts:2 function-length",
  ],
  [
    "a line of more than 110 columns is too long",
    { "packages/bus/src/a.ts": `\n//${"x".repeat(109)}\n` },
    "packages/bus/src/a.ts:2 line-length",
  ],
  [
    "a name of a heap says nothing",
    { "packages/bus/src/utils.ts": "export {};\n" },
    "packages/bus/src/utils.ts:1 file-name",
  ],
  [
    "a file name is kebab-case",
    { "packages/bus/src/shardOwner.ts": "export {};\n" },
    "packages/bus/src/shardOwner.ts:1 file-name",
  ],
  [
    "an export is named with our words",
    { "packages/bus/src/a.ts": "export type AgentFlowName = string;\nexport function startJob() {}\n" },
    "packages/bus/src/a.ts:2 word",
  ],
  [
    "a second dependency from outside is refused where one is the limit",
    {
      "packages/core/package.json": manifest({
        dependencies: { "@agentflow/protocol": "0.1.0", "@marcbachmann/cel-js": "8.0.0", lodash: "4.17.21" },
      }),
    },
    "packages/core/package.json:5 dependency",
  ],
  [
    "a version that may drift is refused",
    { "packages/bus/package.json": manifest({ dependencies: { pino: "^10.4.0" } }) },
    "packages/bus/package.json:3 pin",
  ],
  [
    "a file that does not parse is named",
    { "packages/bus/src/a.ts": "export const = 1;\n" },
    "packages/bus/src/a.ts:1 syntax",
  ],
];

test.each(faults)("%s", (_, files, finding) => {
  expect(tidyOf(files)).toEqual([finding]);
});

test.each([
  "Date.now()",
  "Date()",
  "new Date()",
  "Math.random()",
  "crypto.randomUUID()",
  "globalThis.crypto.randomUUID()",
  "performance.now()",
  "setTimeout(f, 1)",
  "globalThis.setTimeout(f, 1)",
  "setInterval(f, 1)",
  "setImmediate(f)",
  "AbortSignal.timeout(1)",
  "process.env",
  'process["env"]',
  'console.log("a")',
  "{ setTimeout }",
  "{ now: Date.now }",
])("outside adapters, %s is banned", (expression) => {
  const text = `\nexport const f = () => {};\nexport const x = ${expression};\n`;
  expect(tidyOf({ "packages/bus/src/a.ts": text })).toEqual(["packages/bus/src/a.ts:3 banned-global"]);
});

test.each([
  'import { randomUUID } from "node:crypto";',
  'import { setTimeout as sleep } from "node:timers/promises";',
  'import { env } from "node:process";',
  'import { performance } from "node:perf_hooks";',
])("outside adapters, what is banned cannot be imported either: %s", (line) => {
  expect(tidyOf({ "packages/bus/src/a.ts": line })).toEqual(["packages/bus/src/a.ts:1 banned-global"]);
});

test.each([
  "export const x = (y as string);",
  "export const x = <string>y;",
  "export const x = y as unknown as { [key: string]: number };",
])("a cast is refused outside ids and parsing: %s", (line) => {
  const found = tidyOf({ "packages/bus/src/a.ts": `declare const y: unknown;\n${line}\n` });
  expect(new Set(found)).toEqual(new Set(["packages/bus/src/a.ts:2 cast"]));
});

test("what the rules allow passes in silence", () => {
  const files: Files = {
    "packages/bus/src/nats/log.ts": 'import { jetstream } from "@nats-io/jetstream";\n',
    "packages/bus/src/nats/clock.ts": "export const now = Date.now();\n",
    "packages/core/src/expr/eval.ts": 'import { parse } from "@marcbachmann/cel-js";\n',
    "packages/core/src/decide.test.ts": 'import { readFileSync } from "node:fs";\nimport "vitest";\n',
    "packages/protocol/src/api.ts": 'import { z } from "zod";\nexport const at = new Date(0);\n',
    "packages/protocol/src/ids.ts": "export const a = 1 as number;\n",
    "packages/sdk/src/parse-reply.ts": "export const a = 1 as number;\n",
    "packages/sdk/src/words.ts": "export const workflowNames = [1] as const;\nexport type Workflow = 1;\n",
    "packages/cli/src/plan.ts":
      'import type { Plan } from "@agentflow/core";\nawait import("@agentflow/core");\n',
    "packages/cli/src/local/up.ts":
      'import type { Bus } from "@agentflow/bus";\nawait import("@agentflow/bus");\n',
    "packages/host/src/timers.ts":
      "export interface Timers {\n  setTimeout: typeof setTimeout;\n}\n" +
      "export const f = ({ setTimeout }: Timers) => setTimeout(f, 1);\n" +
      "export const g = (timers: Timers) => timers.setTimeout(g, 1);\n",
    "packages/runtime/src/main.ts": "console.log(process.env);\n",
    "packages/testing/src/house.ts": 'import "@agentflow/runtime";\nimport "@agentflow/control-plane";\n',
    "packages/host/src/long.test.ts": `test(() => {\n${lines(500, "//")}});\n`,
    "packages/host/node_modules/x/utils.ts": "const x = 1 as any;\n",
    "packages/host/dist/utils.js": "console.log(1);\n",
  };
  expect(tidyOf(files)).toEqual([]);
});

test("a finding is one line that a terminal can open", () => {
  const finding = { path: "a/b.ts", line: 3, column: 7, rule: "cast", message: "a cast to X" } as const;
  expect(render(finding)).toBe("a/b.ts:3:7 cast a cast to X");
});
