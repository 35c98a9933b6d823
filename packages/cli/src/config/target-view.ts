/** A target as it holds, value by value with where each comes from: what `af config view --target` shows. */
import type { OpenedTarget, ValueOrigin } from "@agentflow/cluster";
import { type Json, parseReference } from "@agentflow/protocol";
import type { TargetVariables } from "../local/target-variables.ts";
import { placeOf, type YamlFile } from "../project/document.ts";

export interface ValueView {
  /** `models.default.model`; of the target's own `target.workers.default`. */
  readonly key: string;
  /** With what its `env://` stands for here; secrets are masked. */
  readonly value: Json;
  readonly layer: ValueOrigin["layer"];
  readonly variable?: string;
  /** In agentflow.yaml, from 1. */
  readonly line?: number;
  readonly column?: number;
}

export interface Viewed {
  readonly opened: OpenedTarget;
  readonly yaml: YamlFile;
  readonly variables: TargetVariables;
}

export async function targetView({ opened, yaml, variables }: Viewed): Promise<readonly ValueView[]> {
  const { leavesOf, plainJson } = await import("@agentflow/cluster");
  const view = (lead: string, origins: OpenedTarget["origins"]) => {
    return ([pointer, value]: readonly [string, Json]): ValueView => {
      const origin = origins.get(pointer) ?? { layer: "default" };
      const key = `${lead}${keyOf(pointer)}`;
      return { key, value: shown(value, origin, variables), ...placed(origin, yaml) };
    };
  };
  const settings = leavesOf(plainJson(opened.settings)).map(view("target.", opened.settingOrigins));
  return [...leavesOf(opened.document).map(view("", opened.origins)), ...settings];
}

function shown(value: Json, origin: ValueOrigin, { values, isSecret }: TargetVariables): Json {
  if (origin.layer !== "environment") return byDefault(value);
  const text = values[origin.variable];
  if (text === undefined || text === "") return value;
  return isSecret(origin.variable, text) ? "••••" : text;
}

/** Nothing is set: then what stands behind the ? holds. */
function byDefault(value: Json): Json {
  if (typeof value !== "string" || !value.startsWith("env://")) return value;
  const reference = parseReference(value);
  return reference?.kind === "env" ? (reference.default ?? value) : value;
}

function placed(origin: ValueOrigin, yaml: YamlFile): Omit<ValueView, "key" | "value"> {
  const variable = origin.layer === "environment" ? { variable: origin.variable } : {};
  const pointer = "pointer" in origin ? origin.pointer : undefined;
  if (pointer === undefined) return { layer: origin.layer, ...variable };
  const { line, column } = placeOf(yaml, pointer);
  return {
    layer: origin.layer,
    ...variable,
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
  };
}

/** A JSON pointer as a dotted key. */
function keyOf(pointer: string): string {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .join(".");
}
