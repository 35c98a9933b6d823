import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { commandKinds, eventKinds } from "../events/parse-commit.ts";
import { errorTable } from "../errors.ts";
import { errorCode } from "./envelope.ts";
import {
  commitSchema,
  envelopeSchema,
  eventSchemas,
  inputAnswerSchema,
  inputRequestSchema,
  journalEntrySchema,
  journalRecordSchema,
  jsonSchemaOf,
  planSchema,
  runCommandSchema,
  streamLineSchema,
  taskSchema,
  telemetryBatchSchema,
  workerPresenceSchema,
} from "./index.ts";

const at = "2026-11-23T09:30:00.000Z";
const run = `r${"0".repeat(26)}`;
const hash = "a".repeat(64);
const uses = { kind: "tool", name: "orders.find" };
const blob = { blob: `acme/${run}/${hash}`, bytes: 70_000 };
const dispatch = { step: "find~3", attempt: 1, input: "start", n: 0 };

const shown = { uses: "tool:mail.send", effect: "irreversible", input: { to: "ann" } };
const asks = [
  { kind: "approval", call: "answer/1-1", tool: "mail.send", shown, hash, expiresMs: 60_000 },
  { kind: "unknown", call: "answer~0/1-1", tool: "mail.send", reason: "the worker is gone", input: null },
];
const reply = {
  parts: [
    { kind: "reasoning", text: "hm", meta: { anthropic: { signature: "sig==" } } },
    { kind: "call", id: "p1", tool: "mail__send", input: { to: "ann" } },
  ],
  finish: "tool_calls",
  usage: { inputTokens: 10, outputTokens: 2, cacheReadTokens: 4 },
};

const records = {
  commit: {
    schema: commitSchema,
    record: {
      v: 1,
      kind: "commit",
      inputs: [{ id: "start", kind: "start", at }],
      events: [
        {
          kind: "run_started",
          at,
          workflow: "triage",
          version: "a".repeat(12),
          plan: hash,
          build: "dev",
          input: { inline: { ticket: "x" } },
          fingerprint: hash,
        },
        { kind: "task_dispatched", at, ...dispatch },
        { kind: "step_succeeded", at, step: "find", output: blob, ms: 1.5, worker: "w1" },
        { kind: "step_suspended", at, step: "answer", attempt: 1 },
        {
          kind: "approval_requested",
          at,
          step: "answer",
          n: 1,
          call: "answer/1-1",
          shown,
          hash,
          expiresAt: at,
        },
        { kind: "approval_decided", at, step: "answer", n: 1, approved: true, how: "person", by: "ann" },
        { kind: "call_settled", at, step: "answer", call: "answer/1-2", as: "done", output: blob },
      ],
      commands: [
        { kind: "dispatch_task", ...dispatch, uses, with: { inline: null }, effect: "read", pool: "default" },
        { kind: "continue" },
      ],
    },
  },
  input: {
    schema: inputRequestSchema,
    record: {
      v: 1,
      kind: "input",
      run,
      input: {
        kind: "result",
        id: "i1",
        at,
        step: "find",
        attempt: 2,
        outcome: { kind: "failed", failure: { code: "timeout", message: "x" }, retryable: false },
      },
    },
  },
  "input-answer": {
    schema: inputAnswerSchema,
    record: { v: 1, kind: "accepted", revision: 7, repeated: true },
  },
  task: {
    schema: taskSchema,
    record: {
      v: 1,
      kind: "task",
      id: `acme:${run}:start:0`,
      tenant: "acme",
      run,
      workflow: "triage",
      step: "find",
      attempt: 1,
      uses: { kind: "agent", name: "writer" },
      with: blob,
      effect: "irreversible",
      build: "0123456789ab",
      at,
    },
  },
  plan: {
    schema: planSchema,
    record: {
      v: 1,
      kind: "plan",
      workflow: "triage",
      version: "a".repeat(12),
      planner: "static",
      steps: {
        find: {
          uses: { kind: "set" },
          with: { a: 1 },
          needs: [],
          join: "n:2",
          effect: "pure",
          pool: "default",
          retry: { max: 1, backoffMs: 1_000, factor: 2, maxBackoffMs: 1_000, nonRetryable: [] },
          catch: { value: null },
        },
      },
      output: null,
    },
  },
  journal: {
    schema: journalRecordSchema,
    record: {
      v: 1,
      kind: "journal",
      attempt: 1,
      events: [
        { kind: "attempt_took_over", at, attempt: 1, worker: "w1" },
        { kind: "agent_started", at, agent: "writer", model: "default", messages: blob },
        { kind: "model_called", at, n: 1, turn: 1, model: "default", reserved: { tokens: 9, usd: "0.1" } },
        { kind: "model_replied", at, n: 1, turn: 1, model: "default", reply, usd: "0.000002", ms: 1.5 },
        { kind: "call_asked", at, call: "1-1", tool: "mail.send", shown, hash, expiresMs: 1 },
        { kind: "call_suspended", at, call: "1-2", asks },
        { kind: "call_answered", at, call: "1-1", approved: false, how: "expired" },
      ],
    },
  },
  worker: {
    schema: workerPresenceSchema,
    record: {
      v: 1,
      kind: "worker",
      worker: "w1",
      tenant: "default",
      pool: "default",
      build: "dev",
      slots: 8,
      host: "h",
      pid: 1,
      since: at,
      seenAt: at,
      state: "ready",
      busy: [{ run, step: "find", attempt: 1, uses: "tool:orders.find", since: at }],
    },
  },
  telemetry: {
    schema: telemetryBatchSchema,
    record: {
      v: 1,
      kind: "tele",
      source: "w1",
      records: [
        { kind: "log", at, level: "info", source: "tool", message: "x", fields: { a: 1 } },
        { kind: "span", trace: "t", span: "s", name: "n", startedAt: at, ms: 1, ok: true },
      ],
    },
  },
  envelope: {
    schema: envelopeSchema,
    record: { v: 1, ok: true, data: { status: "failed" }, meta: {} },
  },
  "stream-line": { schema: streamLineSchema, record: { v: 1, kind: "ready", url: "http://localhost" } },
};

const entries = Object.entries(records);

describe.each(entries)("a %s", (name, { schema, record }) => {
  const json = jsonSchemaOf(name);
  const validate = new Ajv2020({ validateFormats: false }).compile(json ?? false);

  test("is read as it stands, by zod and by its JSON Schema", () => {
    expect(schema.parse(record)).toEqual(record);
    expect(validate(record)).toBe(true);
  });

  test("keeps keys that this build does not know", () => {
    const newer = { ...record, addedLater: { a: 1 } };
    expect(schema.parse(newer)).toEqual(newer);
    expect(validate(newer)).toBe(true);
  });

  test("of a higher version is refused", () => {
    const newer = { ...record, v: 2 };
    expect(schema.safeParse(newer).success).toBe(false);
    expect(validate(newer)).toBe(false);
  });

  test("without one of its keys is refused", () => {
    for (const key of Object.keys(record).filter((one) => !["repeated", "text", "url"].includes(one))) {
      const less = Object.fromEntries(Object.entries(record).filter(([one]) => one !== key));
      expect([key, schema.safeParse(less).success, validate(less)]).toEqual([key, false, false]);
    }
  });
});

test.each([
  { kind: "result", step: "answer", attempt: 1, outcome: { kind: "suspended", asks } },
  { kind: "approval", approval: `${run}-1`, hash, approve: false, by: "ann", comment: "no" },
  { kind: "resolve", step: "answer", call: "answer/1-1", as: "retry" },
])("an input of people and of who waits for them: $kind", (input) => {
  const record = { ...records.input.record, input: { ...input, id: "i1", at } };
  expect(inputRequestSchema.parse(record)).toEqual(record);
});

test("a record of the journal that this build cannot read still says its version and kind", () => {
  expect(journalEntrySchema.safeParse({ v: 1, kind: "diary", pages: [] }).success).toBe(true);
  expect(journalEntrySchema.safeParse({ v: 2, kind: "journal" }).success).toBe(false);
});

test("keys inside a commit are kept too: an event of a newer build loses nothing", () => {
  const { record } = records.commit;
  const newer = { ...record, events: record.events.map((event) => ({ ...event, later: [1] })) };
  expect(commitSchema.parse(newer)).toEqual(newer);
});

test("the schema and the cheap parser know the same events and commands", () => {
  const events = eventSchemas.map((event) => event.shape.kind.value);
  const commands = runCommandSchema.options.map((command) => command.shape.kind.value);
  expect(events.toSorted()).toEqual(Object.keys(eventKinds).toSorted());
  expect(commands.toSorted()).toEqual(Object.keys(commandKinds).toSorted());
});

test("the envelope knows every code of the table of errors", () => {
  expect(errorCode.options.toSorted()).toEqual(Object.keys(errorTable).toSorted());
});

test.each([
  ["2026-11-23T09:30:00Z", false],
  ["2026-11-23T09:30:00.000+01:00", false],
  ["2026-13-23T09:30:00.000Z", false],
  ["2026-11-23 09:30:00.000Z", false],
  [at, true],
])("an instant in a record has milliseconds and is UTC: %s", (text, good) => {
  expect(taskSchema.safeParse({ ...records.task.record, at: text }).success).toBe(good);
});

test.each([
  [`acme/${run}/${hash}`, true],
  [`acme/_def/${hash}`, true],
  [`acme/_archive/${hash}`, true],
  [`acme/${run}/${"A".repeat(64)}`, false],
  [`../${run}/${hash}`, false],
  [`acme/../${hash}`, false],
  [`acme/${run}/${hash}/x`, false],
  [`/${run}/${hash}`, false],
])("a blob's key is a tenant, a run and a hash: %s", (key, good) => {
  const record = { ...records.task.record, with: { blob: key, bytes: 1 } };
  expect(taskSchema.safeParse(record).success).toBe(good);
});

test("an error is printed with its five keys", () => {
  const error = { code: "timeout", reason: "timeout", message: "x", details: {}, suggestions: [] };
  expect(envelopeSchema.safeParse({ v: 1, ok: false, error }).success).toBe(true);
  expect(envelopeSchema.safeParse({ v: 1, ok: false, error: { ...error, code: "melted" } }).success).toBe(
    false,
  );
  expect(envelopeSchema.safeParse({ v: 1, ok: true, error }).success).toBe(false);
});
