/** What the simulated tools are and what each call of them does: all of it follows from the call. */
import { createHash } from "node:crypto";
import type { Call, CallEnd } from "@agentflow/runtime";
import type { Json, Manifest } from "@agentflow/protocol";
import { agentTools, modelAgents, models } from "./agent-manifest.ts";

export const manifest: Manifest = {
  v: 1,
  kind: "manifest",
  code: "5eed5eed5eed",
  tools: [
    { name: "sim.add", description: "Adds up", effect: "write", file: "sim.ts" },
    { name: "sim.big", description: "Adds up, at length", effect: "read", file: "sim.ts" },
    { name: "sim.pay", description: "Adds up, once", effect: "irreversible", file: "sim.ts" },
    ...agentTools,
  ],
  agents: [
    { name: "think", description: "Adds up, after asking people", effect: "write", file: "sim.ts" },
    ...modelAgents,
  ],
  workflows: [],
  models,
};

/** The sum of all numbers anywhere in a value: how every output of the simulation is read. */
export function sumOf(value: Json): number {
  if (typeof value === "number") return value;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce<number>((sum, one: Json) => sum + sumOf(one), 0);
}

export interface Script {
  readonly takesMs: number;
  readonly act: "answer" | "fail" | "hang";
  /** A hanging call that goes on when it is told to stop. */
  readonly deaf: boolean;
}

export function scriptOf({ input, attempt }: Call): Script {
  const fails = attempt <= numberAt(input, "fails");
  const hangs = attempt <= numberAt(input, "hangs");
  const act = hangs ? "hang" : fails ? "fail" : "answer";
  return { takesMs: numberAt(input, "takesMs"), act, deaf: at(input, "deaf") === true };
}

type End = CallEnd extends infer E ? (E extends CallEnd ? Omit<E, "startedAt" | "ms"> : never) : never;

export function endOf({ input, name }: Call, act: "answer" | "fail"): End {
  if (act === "fail") return { kind: "failed", failure: { code: "flaky", message: "not this time" } };
  const value = sumOf(at(input, "x") ?? 0) + numberAt(input, "by");
  const asks = at(input, "asks");
  if (name !== "sim.big") return { kind: "output", output: asks === undefined ? { value } : { value, asks } };
  const text = JSON.stringify({ value, pad });
  return { kind: "big", text, sha256: createHash("sha256").update(text).digest("hex"), bytes: text.length };
}

const pad = "x".repeat(66_000);

function numberAt(input: Json, key: string): number {
  const value = at(input, key);
  return typeof value === "number" ? value : 0;
}

export function at(value: Json, key: string): Json | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).find(([name]) => name === key)?.[1];
}
