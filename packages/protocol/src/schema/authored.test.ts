import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { agentSchema, projectSchema, workflowSchema, faultsOf, jsonSchemaOf } from "./index.ts";

// As the documentation of the formats shows them.
const project = {
  apiVersion: "agentflow.dev/v1",
  kind: "Project",
  name: "triage",
  models: {
    default: {
      provider: "openai-compatible",
      model: "env://AF_MODEL?scripted",
      baseUrl: "env://AF_MODEL_URL?",
      apiKey: "secret://model-key",
    },
  },
  pools: { default: { concurrency: 8 } },
  budgets: { usd: 5, tokens: 200_000, time: "30m" },
  targets: {
    dev: { bus: "embedded" },
    staging: { kind: "docker", workers: { default: 2 } },
    prod: { kind: "kubernetes", context: "prod", namespace: "triage", nats: { replicas: 3 } },
  },
};

const workflow = {
  apiVersion: "agentflow.dev/v1",
  kind: "Workflow",
  name: "triage",
  input: { type: "object", required: ["ticket"], properties: { ticket: { type: "string" } } },
  planner: { kind: "static" },
  steps: {
    classify: {
      uses: "agent:classifier",
      with: { text: "${input.ticket}" },
      timeout: "60s",
      retry: { max: 3, backoff: "1s" },
    },
    lookup: {
      uses: "tool:orders.find",
      with: { id: "${steps.classify.output.orderId}" },
      if: "steps.classify.output.?orderId.orValue('') != ''",
    },
    answer: {
      uses: "agent:writer",
      with: { ticket: "${input.ticket}", order: "${steps.?lookup.?output.orValue(null)}" },
    },
  },
  output: { reply: "${steps.answer.output.text}", kind: "${steps.classify.output.kind}" },
};

const agent = {
  apiVersion: "agentflow.dev/v1",
  kind: "Agent",
  name: "writer",
  description: "Answers a ticket",
  model: "default",
  instructions: { file: "prompts/writer.md" },
  output: { type: "object" },
  tools: ["orders.find", { use: "mail.send", approval: "always", expires: "1h" }],
  agents: ["helper"],
  handoffs: ["closer"],
  limits: { turns: 8, tokens: 50_000, usd: 0.5, time: "5m" },
  memory: { session: "${input.customer}", window: 10, summary: true },
};

const files = {
  project: { schema: projectSchema, example: project, validate: validator("project") },
  workflow: { schema: workflowSchema, example: workflow, validate: validator("workflow") },
  agent: { schema: agentSchema, example: agent, validate: validator("agent") },
};

function validator(name: string) {
  const schema = jsonSchemaOf(name);
  if (schema === undefined) throw new Error(`no schema ${name}`);
  return new Ajv2020({ validateFormats: false }).compile(schema);
}

/** The example with one value put at a path; undefined takes the key away. */
function changed(file: keyof typeof files, path: string, value: unknown): unknown {
  const copy: unknown = structuredClone(files[file].example);
  const keys = path.split("/");
  const last = keys.pop() ?? "";
  let parent = copy;
  for (const key of keys) {
    if (typeof parent !== "object" || parent === null) throw new Error(`no ${path}`);
    parent = Reflect.get(parent, key);
  }
  if (typeof parent !== "object" || parent === null) throw new Error(`no ${path}`);
  if (value === undefined) Reflect.deleteProperty(parent, last);
  else Reflect.set(parent, last, value);
  return copy;
}

describe.each(["project", "workflow"] as const)("the %s of the documentation", (file) => {
  test("is accepted as it stands, and read without a change", () => {
    const { schema, example, validate } = files[file];
    expect(schema.parse(example)).toEqual(example);
    expect(validate(example)).toBe(true);
  });
});

const mistakes: readonly (readonly ["project" | "workflow" | "agent", string, unknown, string])[] = [
  ["project", "pool", { default: {} }, 'unknown key "pool" (did you mean pools?); known are apiVersion'],
  ["project", "pools/default/concurency", 4, '"concurency" (did you mean concurrency?)'],
  ["project", "apiVersion", "agentflow.dev/v2", '"agentflow.dev/v2" is not one of "agentflow.dev/v1"'],
  ["project", "kind", undefined, 'is missing: write "Project"'],
  ["project", "name", undefined, "is missing: string expected"],
  ["project", "name", "Triage", '"Triage" is not a valid project id (lower-case letters'],
  ["project", "name", "x".repeat(41), "is not a valid project id"],
  ["project", "pools/default/concurrency", "8", '"8" is not a number'],
  ["project", "pools/default/concurrency", 0, "0 is too small: at least 1"],
  ["project", "pools/Big", { concurrency: 1 }, '"Big" is not a valid pool id'],
  ["project", "budgets/time", "half an hour", '"half an hour" is not a duration: write 250ms, 30s'],
  [
    "project",
    "models/default/apiKey",
    "sk-abc",
    "a key stands here in the clear, in a file that is committed",
  ],
  ["project", "models/default/apiKey", "secret://Model Key", "is not a reference: write env://NAME"],
  ["project", "models/default/model", "env://1", "is not a reference"],
  ["project", "targets/dev/bus", "kafka", '"kafka" is not one of "embedded", "nats", "redis", "rabbitmq"'],
  ["project", "targets/prod/kind", "nomad", "write local, docker or kubernetes"],
  ["project", "targets/prod/bus", "embedded", '"embedded" is not one of "nats", "redis", "rabbitmq"'],
  ["project", "targets/prod/nats/replicas", 2, "2 is not one of 1, 3, 5"],
  ["project", "targets/staging/context", "x", 'unknown key "context"'],
  ["project", "targets/staging/workers/default", -1, "-1 is too small: at least 0"],
  ["project", "flags", { fast: "yes" }, '"yes" is not a boolean'],
  ["workflow", "step", {}, '"step" (did you mean steps?)'],
  ["workflow", "steps", undefined, "is missing"],
  ["workflow", "steps", [], "a list is not an object"],
  ["workflow", "name", "Triage Flow", "is not a valid workflow id"],
  ["workflow", "planner/kind", "fsm", '"fsm" is not one of "static"'],
  ["workflow", "steps/Answer", { uses: "set" }, '"Answer" is not a valid step id'],
  ["workflow", "steps/a-b", { uses: "set" }, '"a-b" is not a valid step id'],
  [
    "workflow",
    "steps/answer/uses",
    "orders.find",
    "write tool:<file>.<export>, agent:<name>, human:approve, set, wait or emit",
  ],
  ["workflow", "steps/answer/uses", undefined, "is missing: string expected"],
  ["workflow", "steps/answer/retries", 3, 'unknown key "retries"'],
  ["workflow", "steps/answer/timeout", 60, "60 is not a string"],
  ["workflow", "steps/answer/timeout", "60", '"60" is not a duration'],
  ["workflow", "steps/answer/retry", { backoff: "1s" }, "is missing: number expected"],
  ["workflow", "steps/answer/retry", { max: 1.5 }, "is not a whole number"],
  ["workflow", "steps/answer/retry", { max: 1_000 }, "1000 is too big: at most 100"],
  ["workflow", "steps/answer/needs", "classify", '"classify" is not a list'],
  ["workflow", "steps/answer/join", "n:0", "write all, any, settled or n:2"],
  ["workflow", "steps/answer/forEach", { in: "input.x", maxParalel: 2 }, "(did you mean maxParallel?)"],
  ["workflow", "steps/answer/catch", { when: "true" }, "is missing"],
  ["agent", "instructions", undefined, "is missing"],
  ["agent", "tool", ["orders.find"], '"tool" (did you mean tools?)'],
  ["agent", "tools/0", "orders", '"orders" is not a valid tool id'],
  ["agent", "tools/1/approval", "never", '"never" is not one of "always"'],
  ["agent", "limits/turns", 0, "0 is too small: at least 1"],
  ["agent", "limits/time", "5", '"5" is not a duration'],
  ["agent", "memory/session", undefined, "is missing"],
  ["agent", "model", "GPT 4", "is not a valid agent id"],
  ["workflow", "steps/answer/if", true, "true is not a string"],
];

describe.each(mistakes)("in a %s, %s set to %j", (file, path, value, words) => {
  const document = changed(file, path, value);

  test("is refused with words that help", () => {
    const faults = faultsOf(files[file].schema, document);
    expect(faults).toHaveLength(1);
    expect(faults[0]?.message).toContain(words);
  });

  test("is refused by editors too", () => {
    expect(files[file].validate(document)).toBe(false);
  });
});

test("a fault knows its place in the document", () => {
  const at = (file: "project" | "workflow", path: string, value: unknown) =>
    faultsOf(files[file].schema, changed(file, path, value)).map((fault) => fault.path.join("/"));
  expect(at("project", "pools/default/concurrency", "8")).toEqual(["pools/default/concurrency"]);
  expect(at("project", "pools/default/size", 8)).toEqual(["pools/default"]);
  expect(at("workflow", "steps/answer/retry", { max: 0 })).toEqual(["steps/answer/retry/max"]);
  expect(at("workflow", "steps/Answer", { uses: "set" })).toEqual(["steps/Answer"]);
});

test("every fault is named, not only the first", () => {
  const document = { ...project, name: "X", pools: { default: {} }, budget: {} };
  expect(faultsOf(projectSchema, document)).toHaveLength(3);
});

test("a duration longer than a year is refused", () => {
  const faults = faultsOf(workflowSchema, changed("workflow", "timeout", "400d"));
  expect(faults.map(({ message }) => message)).toEqual(['"400d" is longer than 366 days']);
});

test("settings are open, but a reference in them is checked wherever it stands", () => {
  const settings = { log: { level: "debug" }, anything: [1, { url: "env://URL?http://x" }] };
  expect(projectSchema.parse({ ...project, settings })).toMatchObject({ settings });
  const faults = faultsOf(projectSchema, { ...project, settings: { a: [{ b: "secret://" }] } });
  expect(faults.map(({ path, message }) => [path.join("/"), message.slice(0, 31)])).toEqual([
    ["settings/a/0/b", '"secret://" is not a reference:'],
  ]);
});

test("what is written for a program is data: with, output and input schema hold any JSON", () => {
  const value = { a: [null, true, 1.5, "x", { b: {} }] };
  const document = changed("workflow", "steps/answer/with", value);
  expect(workflowSchema.parse(document)).toMatchObject({ steps: { answer: { with: value } } });
});

test.each([Number.NaN, Infinity, new Date(0), undefined, 1n, () => 1])(
  "%s is not JSON, wherever it stands",
  (value) => {
    const document = changed("workflow", "steps/answer/with", { deep: [value] });
    expect(faultsOf(workflowSchema, document)).toHaveLength(1);
  },
);

test("a hostile depth is refused, and ends no process on its stack", () => {
  let deep: unknown = 1;
  for (let i = 0; i < 200_000; i++) deep = [deep];
  const faults = faultsOf(workflowSchema, { ...workflow, output: deep });
  expect(faults.map(({ message }) => message)).toEqual(["a list is not JSON, or nested deeper than 100"]);
});

test.each([null, 7, "text", [], undefined])("a document that is %j is refused", (document) => {
  expect(faultsOf(projectSchema, document)).toHaveLength(1);
});

test("keys of the prototype are unknown keys like any other", () => {
  const document: unknown = JSON.parse(JSON.stringify(project).replace('"pools"', '"__proto__"'));
  expect(faultsOf(projectSchema, document).map(({ message }) => message.slice(0, 23))).toEqual([
    'unknown key "__proto__"',
  ]);
});
