/** Loops of agents on virtual time: models and tools are played by a test, the bus is the memory twin. */
import { compileTemplate, isTemplate } from "@agentflow/core/expr";
import type { Bus } from "@agentflow/bus";
import { type MemoryBus, openMemoryBus } from "@agentflow/bus/memory";
import { createLog, createSecrets } from "@agentflow/host/log";
import { type VirtualWorld, virtualWorld } from "@agentflow/host/virtual";
import {
  type Answer,
  type Callable,
  type JournalRecord,
  type LivePart,
  type LogRecord,
  type Manifest,
  type SandboxApplied,
  type ModelReply,
  type SpanRecord,
  type Subject,
  type Task,
  defaultTenant,
  devBuild,
  instant,
  makeTaskId,
  parseId,
  shardOfDigest,
  subjects,
} from "@agentflow/protocol";
import { hash } from "node:crypto";
import { type DriveEnd, type OpenDrive, openDrive } from "../../src/agent/drive.ts";
import type { AgentHouse } from "../../src/agent/house.ts";
import { modelAgent } from "../../src/agent/rules.ts";
import { fillInBy } from "../../src/agent/start-messages.ts";
import type { ModelCall } from "../../src/channel/model-messages.ts";
import type { Call, CallEnd } from "../../src/channel/runner-messages.ts";
import { createKeys } from "../../src/worker/keys.ts";
import { createMasks } from "../../src/worker/masks.ts";
import type { CallLost } from "../../src/worker/runner-port.ts";
import { run } from "../worker-parts.ts";

export { run };
export const step = parseId("step instance", "think");

/** How a played call ends; `undefined` for one that never does. */
export type Played = CallEnd | CallLost | undefined;
export type Play = (
  call: Call | ModelCall,
  tell: (parts: readonly LivePart[]) => void,
) => Played | Promise<Played>;

export interface Kit {
  readonly world: VirtualWorld;
  readonly bus: MemoryBus;
  /** Every call that reached a runner, of whichever worker. */
  readonly calls: (Call | ModelCall)[];
  readonly records: (LogRecord | SpanRecord)[];
  readonly secrets: Map<string, string>;
  drive(of?: DriveOf): Driving;
  /** Lets time go on until it is there. */
  until<T>(promise: Promise<T>): Promise<T>;
  journal(of?: string): Promise<readonly JournalRecord[]>;
  /** Puts a record behind what stands in a journal. */
  write(body: string, of: string): Promise<void>;
}

export interface DriveOf {
  readonly attempt?: number;
  readonly worker?: string;
  readonly play?: Play;
  readonly answers?: readonly Answer[];
  readonly task?: Partial<Task>;
  readonly timeoutMs?: number;
  /** What calls of tools ran in. */
  readonly sandbox?: SandboxApplied;
  /** Calls do not stop when they are asked to. */
  readonly isStubborn?: boolean;
  /** Awaited before and after everything that the worker does outside. */
  readonly gate?: (where: string) => Promise<void>;
}

export interface Driving extends OpenDrive {
  readonly lost: AbortController;
}

export const took = { startedAt: instant(0), ms: 1 };

export function says(text: string): CallEnd {
  return replies([{ kind: "text", text }]);
}

export function replies(parts: ModelReply["parts"]): CallEnd {
  const finish = parts.some(({ kind }) => kind === "call") ? "tool_calls" : "stop";
  return { kind: "reply", reply: { parts, finish, usage: { inputTokens: 10, outputTokens: 5 } }, ...took };
}

export function asks(...calls: readonly { tool: string; input?: unknown }[]): CallEnd {
  return replies(
    calls.map(({ tool, input = {} }, i) => ({
      kind: "call",
      id: `p${i}`,
      tool,
      input: JSON.parse(JSON.stringify(input)),
    })),
  );
}

export function gives(output: unknown): CallEnd {
  return { kind: "output", output: JSON.parse(JSON.stringify(output)), ...took };
}

export function tool(name: string, of: Partial<Callable> = {}): Callable {
  return { name, description: name, effect: "read", input: { type: "object" }, file: "tools/x.ts", ...of };
}

export function agent(name: string, of: Partial<Callable> & { spec?: object } = {}): Callable {
  const { spec, ...rest } = of;
  const base = { model: "default", instructions: `You are ${name}.`, tools: [], agents: [], handoffs: [] };
  return {
    name,
    description: name,
    effect: "write",
    file: `agents/${name}.yaml`,
    agent: { ...base, limits: { turns: 20 }, ...spec },
    ...rest,
  };
}

export function manifestOf(of: Partial<Manifest>): Manifest {
  return {
    v: 1,
    kind: "manifest",
    code: "0123456789ab",
    tools: [],
    agents: [],
    workflows: [],
    models: {
      default: {
        provider: "openai",
        model: "m-1",
        apiKey: "secret://model-key",
        price: { input: 1, output: 2 },
      },
    },
    ...of,
  };
}

/** `seed`: a bus in bad weather, which delays and repeats what travels. */
export function kit(manifest: Manifest, play: Play, of: { readonly seed?: number } = {}): Kit {
  const world = virtualWorld(of.seed ?? 1);
  const bus = openMemoryBus({ world, polite: of.seed === undefined });
  const calls: Kit["calls"] = [];
  const records: Kit["records"] = [];
  const secrets = new Map([["model-key", "sk-model-key"]]);
  const until = async <T>(promise: Promise<T>): Promise<T> => {
    const state = { done: false };
    const ended = promise.finally(() => (state.done = true));
    ended.catch(() => undefined);
    for (let i = 0; i < 20_000 && !state.done; i++) await world.time.advance(20);
    if (!state.done) throw new Error("nothing came of it");
    return ended;
  };
  return {
    world,
    bus,
    calls,
    records,
    secrets,
    until,
    async journal(of = step) {
      const entries = await until(bus.log.read(subjectOf(of)));
      return entries.map(({ body }): JournalRecord => JSON.parse(body));
    },
    async write(body, of) {
      const expect = await until(bus.log.head(subjectOf(of)));
      await until(bus.log.append(subjectOf(of), body, { expect }));
    },
    drive(of = {}) {
      const task = taskOf(of);
      const lost = new AbortController();
      const found = modelAgent(manifest, task.uses.kind === "agent" ? task.uses.name : "");
      if (found === undefined) throw new Error("there is no such agent");
      const gate = of.gate ?? (async () => undefined);
      const masks = createMasks(createSecrets());
      const keys = createKeys(
        { get: (name) => secrets.get(name), variable: (name) => secrets.get(`env ${name}`) },
        masks,
      );
      const house: AgentHouse = {
        bus: gated(bus.client(of.worker ?? "w1"), gate),
        world,
        log: createLog({ source: "worker", clock: world.clock, outputs: [] }),
        worker: parseId("worker", of.worker ?? "w1"),
        keys,
        masks,
        fillIn: fillInBy(() => ({ compileTemplate, isTemplate })),
        priceOf: () => undefined,
        ...(of.content === undefined ? {} : { content: of.content }),
        manifest: () => manifest,
        tell: (told) => void records.push(...told),
        async startCall(call, _signal, onParts = () => {}) {
          await gate("call");
          calls.push(call);
          const stopped = Promise.withResolvers<CallEnd | CallLost>();
          const played = Promise.resolve((of.play ?? play)(call, onParts)).then(async (end) => {
            await gate("answer");
            return end ?? stopped.promise;
          });
          return {
            end: Promise.race([played, stopped.promise]),
            code: "0123456789ab",
            ...(call.kind === "tool" && of.sandbox !== undefined ? { sandbox: of.sandbox } : {}),
            stop(reason) {
              if (of.isStubborn === true) return;
              stopped.resolve({ kind: "failed", failure: { code: "stopped", message: reason }, ...took });
            },
            kill: (reason) => stopped.resolve({ kind: "lost", reason }),
          };
        },
      };
      const timeoutMs = of.timeoutMs ?? 600_000;
      const opened = openDrive({ house, task, agent: found, lost: lost.signal, timeoutMs });
      return { ...opened, lost };
    },
  };
}

function subjectOf(of: string): Subject {
  const shard = shardOfDigest(hash("sha256", run, "buffer"));
  return subjects.turn({ shard, tenant: defaultTenant, run, step: parseId("step instance", of) });
}

function taskOf(of: DriveOf): Task {
  return {
    v: 1,
    kind: "task",
    id: makeTaskId({ tenant: defaultTenant, run, input: parseId("input", "start"), n: 0 }),
    tenant: defaultTenant,
    run,
    workflow: "w",
    step,
    attempt: of.attempt ?? 1,
    uses: { kind: "agent", name: parseId("agent", "main") },
    with: { inline: { topic: "tea" } },
    effect: "write",
    build: devBuild,
    at: instant(0),
    ...(of.answers === undefined ? {} : { answers: of.answers }),
    ...of.task,
  };
}

/** Each way out of the worker passes the gate twice: before it is done, and before its answer is there. */
function gated(bus: Bus, gate: (where: string) => Promise<void>): AgentHouse["bus"] {
  const through = async <T>(where: string, work: () => Promise<T>): Promise<T> => {
    await gate(`before ${where}`);
    const value = await work();
    await gate(`after ${where}`);
    return value;
  };
  const { log, blobs, wire } = bus;
  return {
    wire,
    blobs: {
      put: (...of) => through("put", () => blobs.put(...of)),
      get: (...of) => through("get", () => blobs.get(...of)),
      delete: (...of) => blobs.delete(...of),
      list: (...of) => blobs.list(...of),
    },
    log: {
      lanes: log.lanes,
      append: (...of) => through("append", () => log.append(...of)),
      read: (...of) => through("read", () => log.read(...of)),
      tail: (...of) => log.tail(...of),
      head: (...of) => log.head(...of),
      heads: () => log.heads(),
      purge: (...of) => log.purge(...of),
    },
  };
}

export function succeeded(end: DriveEnd): unknown {
  if (end.kind !== "finished") throw new Error(`it did not finish: ${JSON.stringify(end)}`);
  return "inline" in end.output ? end.output.inline : end.output;
}
