/** Looks at all that is worth knowing of an installation. What cannot be had is named, and hides no more. */
import { AgentFlowError, type LogRecord, type WorkerView } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { installationSettings, readSettings } from "../../config/settings.ts";
import type { Context } from "../../config/contexts.ts";
import { examine } from "../../doctor/examine.ts";
import { containersOf } from "./containers.ts";
import { leftOut, quiet, quietLine, quietRecord } from "./policy.ts";

export interface Gathering {
  /** Undefined where nobody could be asked: `unreachable` says why. */
  readonly client: Client | undefined;
  readonly unreachable: string | undefined;
  readonly context: Context | undefined;
  readonly folder: string;
  readonly project: string | undefined;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly argv: readonly string[];
  /** Of this command line. */
  readonly version: string;
  /** Inputs, outputs, messages, what users' code printed. */
  readonly values: boolean;
}

/** A file of the bundle before secrets are hidden in it. */
export interface Part {
  readonly file: string;
  readonly what: string;
  /** One record a line, or one value. */
  readonly records: readonly object[];
  readonly lines: boolean;
}

export interface Missing {
  readonly what: string;
  readonly why: string;
}

export interface Gathered {
  readonly parts: readonly Part[];
  readonly missing: readonly Missing[];
}

export const gatherLimits = { logs: 1_000, failures: 50, dead: 200, rows: 200, audit: 200 } as const;

export async function gather(of: Gathering): Promise<Gathered> {
  const looks = [...local(of), ...(of.client === undefined ? [] : remote(of, of.client))];
  const found = await Promise.all(looks.map(look));
  const parts = found.flatMap((one) => ("file" in one ? [one] : []));
  const missing = found.flatMap((one) => ("why" in one ? [one] : []));
  if (of.unreachable !== undefined) {
    missing.push({ what: "everything that the installation itself knows", why: of.unreachable });
  }
  return { parts: parts.filter(({ records }) => records.length > 0), missing: [...missing, ...policy(of)] };
}

function policy({ values }: Gathering): Missing[] {
  const always = "values of secrets, tokens and keys";
  const kept = [{ what: always, why: "they are in no bundle" }];
  if (values) return kept;
  const what =
    "inputs, outputs, prompts, messages, labels, what tools and agents printed, values from the environment";
  return [...kept, { what, why: "only with --with values" }];
}

interface Look {
  readonly file: string;
  readonly what: string;
  readonly lines?: boolean;
  readonly of: () => Promise<readonly object[]>;
}

async function look({ file, what, lines = false, of }: Look): Promise<Part | Missing> {
  try {
    return { file, what, lines, records: await of() };
  } catch (error) {
    return { what, why: AgentFlowError.from(error, "looking").message };
  }
}

function local(of: Gathering): readonly Look[] {
  const { folder, project, environment, version, argv, values, context } = of;
  const isHere = context === undefined || context.kind === "dev";
  return [
    {
      file: "doctor.json",
      what: "what af doctor says of this machine and project",
      of: async () => [{ checks: await examine({ folder, project, environment, version }) }],
    },
    {
      file: "settings.json",
      what: "settings in force and where they come from",
      of: async () => {
        const own = readSettings({ folder, environment, argv });
        const { settings, notes } = isHere ? await installationSettings(folder) : { settings: [], notes: [] };
        const all = [...own, ...settings].map((one) =>
          values || one.layer !== "environment" ? one : { ...one, value: leftOut },
        );
        return [{ settings: all, notes }];
      },
    },
    {
      file: "containers.json",
      what: "containers: states, and the last lines of each",
      of: async () => {
        const found = await containersOf(context);
        return found.map((one) => ({
          ...one,
          lines: values ? one.lines : one.lines.map((line) => quietLine(line, one.part)),
        }));
      },
    },
  ];
}

function remote({ values }: Gathering, client: Client): readonly Look[] {
  const shown = (value: object): object => (values ? value : toObject(quiet(value)));
  return [
    { file: "status.json", what: "status", of: async () => [shown(await client.status())] },
    {
      file: "top.json",
      what: "pools, workers, runs and streams in figures",
      of: async () => [shown(await client.top())],
    },
    {
      file: "workers.jsonl",
      what: "workers and what they can run",
      lines: true,
      of: async () => (await client.workers.list()).items.map((one) => (values ? one : quietWorker(one))),
    },
    {
      file: "workflows.jsonl",
      what: "workflows, without their definitions",
      lines: true,
      of: async () =>
        (await client.workflows.list({ all: true })).items.map(({ input: _, ...one }) => shown(one)),
    },
    {
      file: "bus.json",
      what: "streams and queues in figures",
      of: async () => [await client.bus.peek({ kind: "streams" })],
    },
    {
      file: "dead.jsonl",
      what: "dead letters and how they stand",
      lines: true,
      of: async () => (await client.bus.dead({ limit: gatherLimits.dead })).items,
    },
    {
      file: "failures.jsonl",
      what: `the newest ${gatherLimits.failures} runs that failed`,
      lines: true,
      of: async () => {
        const { runs } = await client.runs.list({ status: "failed", limit: gatherLimits.failures });
        return runs.map(shown);
      },
    },
    {
      file: "open.jsonl",
      what: `the newest ${gatherLimits.failures} runs that go on or wait`,
      lines: true,
      of: async () => {
        const { runs } = await client.runs.list({ status: "running,parked", limit: gatherLimits.failures });
        return runs.map(shown);
      },
    },
    {
      file: "logs.jsonl",
      what: `the newest ${gatherLimits.logs} lines`,
      lines: true,
      of: async () => {
        const { records } = await client.telemetry.query({
          kind: "log",
          limit: gatherLimits.logs,
          newest: true,
        });
        return records.filter(isLog).map((record) => (values ? record : quietRecord(record)));
      },
    },
  ];
}

function isLog<T extends { readonly kind: string }>(record: T): record is T & LogRecord {
  return record.kind === "log";
}

/** Names of what it can run, not how: instructions and schemas are the users' own. */
function quietWorker({ manifest, problem, ...row }: WorkerView): object {
  const named = (all: readonly { readonly name: string; readonly effect: string }[]) =>
    all.map(({ name, effect }) => ({ name, effect }));
  const { file, line } = problem ?? {};
  return {
    ...row,
    ...(manifest === undefined
      ? {}
      : { code: manifest.code, tools: named(manifest.tools), agents: named(manifest.agents) }),
    ...(problem === undefined ? {} : { problem: { message: leftOut, file, line } }),
  };
}

function toObject(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}
