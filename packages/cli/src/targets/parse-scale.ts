/** Numbers of copies: as they are typed, and as they are kept. */
import { AgentFlowError, nearest } from "@agentflow/protocol";

/** By target, then by part; `instead` is what agentflow.yaml said at that time. */
export type ScaleFile = Readonly<
  Record<string, Readonly<Record<string, { readonly copies: number; readonly instead: number }>>>
>;

const copiesMax = 100;

/** Without what is damaged in it: it holds wishes, not truths. */
export function parseScaleFile(text: string): ScaleFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return {};
  }
  const { targets } = objectOf(value);
  const all = Object.entries(objectOf(targets)).map(([target, parts]) => {
    const kept = Object.entries(objectOf(parts)).flatMap(([part, wish]) => {
      const { copies, instead } = objectOf(wish);
      return isCount(copies) && isCount(instead) ? [[part, { copies, instead }] as const] : [];
    });
    return [target, Object.fromEntries(kept)] as const;
  });
  return Object.fromEntries(all);
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= copiesMax;
}

/** `POOL=N` or `control-plane=N` as copies by part. Refuses pools that the project has not. */
export function parseScale(
  words: readonly string[],
  pools: readonly string[],
): Readonly<Record<string, number>> {
  const scale: Record<string, number> = {};
  for (const word of words) {
    const [, name = "", count = ""] = /^([^=]+)=([0-9]+)$/.exec(word) ?? [];
    if (name === "") throw badWord(word);
    const pool = name.replace(/^worker-/, "");
    if (name !== "control-plane" && !pools.includes(pool)) throw noPool(pool, pools);
    const part = name === "control-plane" ? name : `worker-${pool}`;
    const least = part === "control-plane" ? 1 : 0;
    const copies = Number(count);
    if (copies < least || copies > copiesMax) throw badCount(name, least);
    scale[part] = copies;
  }
  return scale;
}

function badWord(word: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `${JSON.stringify(word.slice(0, 80))} is not POOL=N`, {
    reason: "usage",
    suggestions: ["af scale default=3", "af scale control-plane=2"],
  });
}

function badCount(name: string, least: number): AgentFlowError {
  return new AgentFlowError("invalid_input", `copies of ${name} are ${least} to ${copiesMax}`, {
    reason: "copies_out_of_range",
    suggestions: [`af scale ${name}=${Math.max(1, least)}`],
  });
}

function noPool(pool: string, pools: readonly string[]): AgentFlowError {
  const near = nearest(pool, [...pools, "control-plane"]);
  return new AgentFlowError("not_found", `the project has no pool ${JSON.stringify(pool.slice(0, 80))}`, {
    reason: "no_pool",
    details: { pools },
    suggestions: [
      ...(near === undefined ? [] : [`did you mean ${near}?`]),
      `it has: ${pools.join(", ")}`,
      `or name it in agentflow.yaml: pools: {${/^[a-z][a-z0-9-]*$/.test(pool) ? pool : "NAME"}: {}}`,
    ],
  });
}
