/**
 * What workers of an earlier release were given and what they reported, as recorded then: today's control
 * plane must take their reports, and today's records must be ones that they could read.
 * `UPDATE_HISTORIES=1` writes the file of a new release; files that are there stay as they are.
 */
import type { Bus } from "@agentflow/bus";
import { inputRequestSchema, taskSchema } from "@agentflow/protocol/schema";
import { defaultTenant, type InputRequest, parseId, type Subject, subjects } from "@agentflow/protocol";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { parseTelemetryBatch } from "../telemetry/parse-telemetry.ts";
import { parsePresence } from "../registry/parse-presence.ts";
import { failing, Kit, type Script } from "./fixtures/engine-kit.ts";
import { parseInputAnswer, parseInputRequest } from "./parse-input.ts";
import { runSubject, shardOf } from "./shard.ts";

const folder = new URL("../../../protocol/histories/", import.meta.url);

interface Report {
  readonly subject: Subject;
  readonly request: InputRequest;
  readonly answer: { readonly kind: string };
}

interface History {
  readonly v: 1;
  readonly release: string;
  readonly starts: readonly {
    readonly run: string;
    readonly workflow: string;
    readonly input: { readonly x: number };
  }[];
  /** As the queue handed them out. */
  readonly tasks: readonly {
    readonly id: string;
    readonly run: string;
    readonly step: string;
    readonly attempt: number;
  }[];
  readonly reports: readonly Report[];
  readonly presence: object;
  readonly telemetry: object;
  readonly ends: { readonly [run: string]: { readonly status: string; readonly output?: unknown } };
}

const workflows = {
  chain: {
    a: { uses: "tool:t.echo", with: { x: "${input.x}" } },
    b: { uses: "tool:t.echo", with: { x: "${steps.a.output.x}" }, retry: { max: 3, backoff: "10ms" } },
  },
  each: { a: { uses: "tool:t.echo", forEach: { in: "[1, 2, 3]" }, with: { x: "${item}" } } },
  fails: { a: { uses: "tool:t.broken", with: { x: "${input.x}" } } },
} as const;

const script: Script = (task) =>
  JSON.stringify(task.uses).includes("broken")
    ? failing("broken")(task)
    : failing("flaky", task.step === "b" ? 1 : 0)(task);

let kit: Kit | undefined;
afterEach(() => kit?.close());

async function openKit(): Promise<{ kit: Kit; engine: Awaited<ReturnType<Kit["engine"]>> }> {
  const made = new Kit(1, { polite: true });
  kit = made;
  const engine = await made.engine();
  for (const [name, steps] of Object.entries(workflows)) {
    await made.register(engine, name, steps, name === "chain" ? { output: "${steps.b.output.x}" } : {});
  }
  return { kit: made, engine };
}

/** Everything that goes over the client's wire. */
function listening(bus: Bus, reports: Report[]): void {
  const request = bus.wire.request.bind(bus.wire);
  bus.wire.request = async (subject, body, options) => {
    const answer = await request(subject, body, options);
    reports.push({ subject, request: JSON.parse(body), answer: JSON.parse(answer) });
    return answer;
  };
}

const releaseNow: string = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
).version;
const fileOf = (release: string): URL => new URL(`${release}/records.json`, folder);

async function record(): Promise<History> {
  const { kit, engine } = await openKit();
  const reports: Report[] = [];
  const client = kit.bus.client.bind(kit.bus);
  kit.bus.client = (name) => {
    const bus = client(name);
    if (name === "w1") listening(bus, reports);
    return bus;
  };
  const worker = kit.worker({ name: "w1", script });
  const starts: History["starts"][number][] = [];
  const ends: Record<string, { status: string; output?: unknown }> = {};
  for (const workflow of Object.keys(workflows)) {
    const body = kit.body(workflow, { x: 4 });
    starts.push({ run: body.run, workflow, input: { x: 4 } });
    const { status, output } = await kit.drive(engine.runs.start(defaultTenant, body, { waitMs: 60_000 }));
    ends[body.run] = { status, ...(output === undefined ? {} : { output }) };
  }
  const presence: object = JSON.parse(
    (await kit.drive(kit.bus.table.get(`worker.${defaultTenant}.w1`)))?.value ?? "",
  );
  const log = {
    v: 1,
    kind: "log",
    at: "2026-01-01T00:00:00.000Z",
    level: "info",
    source: "worker",
    message: "said",
  };
  const telemetry = { v: 1, kind: "tele", records: [log] };
  return { v: 1, release: releaseNow, starts, tasks: worker.seen, reports, presence, telemetry, ends };
}

if (process.env["UPDATE_HISTORIES"] === "1" && !existsSync(fileOf(releaseNow))) {
  mkdirSync(new URL(`${releaseNow}/`, folder), { recursive: true });
  writeFileSync(fileOf(releaseNow), `${JSON.stringify(await record(), null, 1)}\n`);
  await kit?.close();
}

test("this release has its records", () => {
  expect(existsSync(fileOf(releaseNow)), "write them with UPDATE_HISTORIES=1").toBe(true);
});

describe.each(readdirSync(folder))("the records of %s", (release) => {
  const history: History = JSON.parse(readFileSync(fileOf(release), "utf8"));

  test("are read as what they are", () => {
    for (const { request, answer } of history.reports) {
      expect(parseInputRequest(JSON.stringify(request))).toEqual(request);
      expect(inputRequestSchema.parse(request)).toEqual(request);
      expect(parseInputAnswer(JSON.stringify(answer))).toEqual(answer);
    }
    for (const task of history.tasks) expect(taskSchema.parse(task)).toEqual(task);
    expect(parsePresence(JSON.stringify(history.presence))).toEqual(history.presence);
    expect(parseTelemetryBatch(JSON.stringify(history.telemetry))).toEqual(history.telemetry);
    expect(history.reports.length).toBeGreaterThanOrEqual(6);
  });

  test("a worker of it, letter by letter, moves today's runs to the same ends", async () => {
    const { kit, engine } = await openKit();
    const bus = kit.bus.client("old");
    const presence = JSON.stringify(history.presence).replaceAll(
      /"seenAt":"[^"]*"/g,
      '"seenAt":"2030-01-01T00:00:00.000Z"',
    );
    await kit.drive(bus.table.put(`worker.${defaultTenant}.w1`, presence, { expect: "any" }));
    for (const { run, workflow, input } of history.starts) {
      await kit.drive(engine.runs.start(defaultTenant, { run, workflow, input }, { waitMs: 0 }));
      for (const { subject, request, answer } of history.reports.filter((one) => one.request.run === run)) {
        await kit.pass(100);
        const now = await kit.drive(bus.wire.request(subject, JSON.stringify(request), { timeoutMs: 2_000 }));
        expect(parseInputAnswer(now).kind).toBe(answer.kind);
      }
      const end = await kit.drive(engine.runs.wait(defaultTenant, parseId("run", run), { waitMs: 1_000 }));
      expect(end).toMatchObject(history.ends[run] ?? {});
    }
  });

  test("its workers could read today's tasks", async () => {
    const { kit, engine } = await openKit();
    const worker = kit.worker({ name: "w1", script });
    for (const { workflow, input } of history.starts) {
      await kit.drive(engine.runs.start(defaultTenant, kit.body(workflow, input), { waitMs: 60_000 }));
    }
    // Every key that a task had then it has now; new ones are ignored by those who do not know them.
    const keysOf = (task: object): string[] => Object.keys(task).toSorted();
    for (const [at, task] of history.tasks.entries()) {
      expect(keysOf(worker.seen[at] ?? {})).toEqual(expect.arrayContaining(keysOf(task)));
      expect(worker.seen[at]).toMatchObject({ v: 1, kind: "task", step: task.step, attempt: task.attempt });
    }
  });
});

test("an input of a newer version is refused for now, so that its sender asks again", async () => {
  const { kit } = await openKit();
  const run = kit.runId();
  const subject = subjects.in({ shard: shardOf(run), tenant: defaultTenant });
  const ask = (body: object) =>
    kit.drive(kit.bus.client("new").wire.request(subject, JSON.stringify(body), { timeoutMs: 2_000 }));
  const input = { kind: "result", id: "x", at: "2026-01-01T00:00:00.000Z" };
  await expect(ask({ v: 2, kind: "input", run, input })).rejects.toMatchObject({
    code: "unavailable",
    reason: "newer_version",
  });
  await expect(ask({ v: 1, kind: "other", run, input })).rejects.toMatchObject({ code: "invalid_input" });
});

test.each([
  ["a higher version", { v: 2, kind: "commit", inputs: [], events: [], commands: [] }, "version 2"],
  [
    "an unknown kind of event",
    { v: 1, kind: "commit", inputs: [], events: [{ kind: "run_paused" }], commands: [] },
    "run_paused",
  ],
])("a commit with %s parks its run; why and get say so; nothing else stops", async (_, commit, said) => {
  const { kit, engine } = await openKit();
  const body = kit.body("chain", { x: 1 });
  const { run: id, revision } = await kit.drive(engine.runs.start(defaultTenant, body, { waitMs: 0 }));
  const run = parseId("run", id);
  await kit.drive(
    kit.bus.log.append(runSubject(defaultTenant, run), JSON.stringify(commit), { expect: revision }),
  );
  const view = await kit.drive(engine.runs.get(defaultTenant, run));
  expect(view).toMatchObject({
    status: "parked",
    failure: { code: "incompatible", message: expect.stringContaining(said) },
  });
  const why = await kit.drive(engine.runs.why(defaultTenant, run));
  expect(why.status).toBe("parked");
  expect(JSON.stringify(why.reasons)).toContain(said);
  kit.worker();
  const other = await kit.drive(
    engine.runs.start(defaultTenant, kit.body("chain", { x: 2 }), { waitMs: 60_000 }),
  );
  expect(other.status).toBe("completed");
});

test("telemetry of a newer version is skipped and counted", async () => {
  const made = new Kit(3, { polite: true });
  kit = made;
  const { metrics, engine } = await made.engineWithMetrics("engine-1");
  const subject = subjects.tele({ tenant: defaultTenant, source: parseId("source", "w") });
  for (const v of [2, 1]) {
    const records = [
      {
        v: 1,
        kind: "log",
        at: "2026-01-01T00:00:00.000Z",
        level: "info",
        source: "worker",
        message: `v${v}`,
      },
    ];
    await made.drive(
      made.bus.log.append(subject, JSON.stringify({ v, kind: "tele", records }), { expect: "any" }),
    );
  }
  await made.pass(500);
  const found = await made.drive(engine.telemetry.query(defaultTenant, {}));
  expect(found.records.map((record) => ("message" in record ? record.message : ""))).toEqual(["v1"]);
  expect(await metrics.text()).toMatch(/log_records_skipped_total 1\n/);
});
