/** A plan of a deploy as people and scripts read it. */
import type { FieldChange, PlannedChange } from "@agentflow/cluster/kubernetes";
import type { JsonObject } from "@agentflow/protocol";
import { type Text, bold, cyan, dim, green, red, yellow } from "../output/text.ts";

export interface DeployChange {
  readonly change: "create" | "change" | "replace" | "remove";
  /** `Deployment/x`. */
  readonly object: string;
  readonly fields: readonly FieldChange[];
  readonly why?: string;
  /** Not asked of the cluster: its namespace is not there. */
  readonly offline?: true;
}

export function deployChanges(planned: readonly PlannedChange[]): readonly DeployChange[] {
  return planned.flatMap(({ change, object, fields, why, isOffline }) => {
    if (change === "keep") return [];
    return [
      {
        change,
        object: titleOf(object),
        fields,
        ...(why === undefined ? {} : { why }),
        ...(isOffline === true ? { offline: true as const } : {}),
      },
    ];
  });
}

/** What goes for no other reason than that it was told to. */
export function removalOf(object: JsonObject): DeployChange {
  return { change: "remove", object: titleOf(object), fields: [] };
}

/** `Deployment/x`. */
export function titleOf(object: JsonObject): string {
  return `${textOf(object, "kind")}/${textOf(object["metadata"], "name")}`;
}

function textOf(value: unknown, key: string): string {
  if (typeof value !== "object" || value === null) return "";
  const found: unknown = Object.entries(value).find(([name]) => name === key)?.[1];
  return typeof found === "string" ? found : "";
}

const linesMax = 40;

export function changeLines({ change, object, fields, why }: DeployChange): readonly Text[] {
  const signs = { create: green("+ "), change: yellow("~ "), replace: yellow("± "), remove: red("- ") };
  const [kind = "", name = ""] = object.split("/");
  const head: Text = [
    signs[change],
    change.padEnd(8),
    dim(`${kind} `),
    bold(name),
    why === undefined ? "" : dim(`  ${why}`),
  ];
  const more = fields.length - linesMax;
  return [
    head,
    ...fields.slice(0, linesMax).map(fieldLine),
    ...(more > 0 ? [dim(`    and ${more} fields more; all of them with --json`)] : []),
  ];
}

function fieldLine({ path, before, after }: FieldChange): Text {
  const was = before === undefined ? "" : red(short(before));
  const will = after === undefined ? "" : green(short(after));
  if (before === undefined) return [dim("    + "), cyan(path), ": ", will];
  if (after === undefined) return [dim("    - "), cyan(path), ": ", was];
  return [dim("    ~ "), cyan(path), ": ", was, dim(" → "), will];
}

const charsMax = 100;

function short(json: string): string {
  const text = json;
  return text.length <= charsMax ? text : `${text.slice(0, charsMax)}…`;
}
