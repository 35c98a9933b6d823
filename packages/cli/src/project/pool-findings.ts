/** AF951: a step asks for a pool that agentflow.yaml does not have, so no worker of ours serves it. */
import { type Finding, nearest } from "@agentflow/protocol";
import type { PlacedFinding } from "../output/findings.ts";
import { placeFindings } from "./place.ts";
import type { Project } from "./read-project.ts";

/** A warning: a worker may be started for any pool by hand. */
export function poolFindings(project: Project): PlacedFinding[] {
  const known = poolsOf(project.files.get("agentflow.yaml")?.value);
  return project.workflows.flatMap(({ file }) => {
    const asked = poolsAsked(project.files.get(file)?.value);
    return placeFindings(
      project,
      file,
      asked.flatMap(([path, pool]) => (known.has(pool) ? [] : [unserved(path, pool, [...known])])),
    );
  });
}

function unserved(path: string, pool: string, known: readonly string[]): Finding {
  const near = nearest(pool, known);
  const meant = near === undefined ? "" : ` (did you mean ${near}?)`;
  const message = `agentflow.yaml has no pool ${pool}${meant}: the step waits until a worker serves it`;
  return { code: "AF951", severity: "warning", path, message, hint: `pools: {${pool}: {concurrency: 8}}` };
}

/** Of the project, and those that an overlay of a target adds. */
function poolsOf(project: unknown): ReadonlySet<string> {
  const targets = inside(project, "targets");
  const overlays = Object.values(isRecord(targets) ? targets : {}).map((one) => inside(one, "overlay"));
  const named = [project, ...overlays].flatMap((one) => Object.keys(inside(one, "pools") ?? {}));
  return new Set(["default", ...named]);
}

/** Wherever a step stands that names one, with its pointer. */
function poolsAsked(value: unknown, path = ""): [path: string, pool: string][] {
  if (typeof value !== "object" || value === null) return [];
  const pool = inside(value, "pool");
  const own: [string, string][] =
    typeof pool === "string" && inside(value, "uses") !== undefined ? [[`${path}/pool`, pool]] : [];
  const below = Object.entries(value).flatMap(([key, one]) => {
    return poolsAsked(one, `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
  });
  return [...own, ...below];
}

function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function inside(value: unknown, key: string): unknown {
  return isRecord(value) ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined;
}
