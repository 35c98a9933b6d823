/** Which blobs a record or a row names. The copy and the check ask the same question. */
import { type BlobKey, isId, parseLogSubject, type Subject } from "@agentflow/protocol";
import { parseCommit } from "../orchestrator/parse-commit.ts";
import { parseArchiveRow } from "../projector/parse-archive.ts";
import { parseHead as parseWorkflow } from "../registry/parse-head.ts";

/** A value by reference, also within the text of a task in a dead letter, where its quotes are escaped. */
const byReference =
  /"blob\\*":\\*"(([a-z0-9][a-z0-9_-]{0,62})\/(?:r[0-9a-hjkmnp-tv-z]{26}|_def|_archive)\/[0-9a-f]{64})\\*"/g;
const started = '"run_started"';

/** Of a record of the Log: values by reference, and the plan of a run that starts. */
export function namedByEntry({ subject, body }: { subject: Subject; body: string }): BlobKey[] {
  const tenant = subject.startsWith("af.log.") ? parseLogSubject(subject)?.tenant : subject.split(".")[2];
  // What a person's data looks like must not lead into another tenant's.
  const keys = valuesIn(body).filter((key) => key.startsWith(`${tenant}/`));
  if (tenant !== undefined && body.includes(started)) keys.push(...plansIn(tenant, body));
  return keys;
}

/** Of a row: a workflow's definitions and plans, an archive's file. */
export function namedByRow({ key, value }: { key: string; value: string }): BlobKey[] {
  const [kind, tenant] = key.split(".");
  if (kind === "archived") {
    const row = parseArchiveRow(value);
    return row === undefined ? [] : [row.blob];
  }
  const head = kind === "workflow" ? parseWorkflow(value) : undefined;
  if (head === undefined) return [];
  return [head, ...head.versions].flatMap(({ definition, plan }) => [
    `${tenant}/_def/${definition}`,
    `${tenant}/_def/${plan}`,
  ]);
}

function valuesIn(body: string): BlobKey[] {
  if (!body.includes("blob")) return [];
  return [...body.matchAll(byReference)].flatMap(([, key]) => (key === undefined ? [] : [key]));
}

function plansIn(tenant: string, body: string): BlobKey[] {
  const parsed = parseCommit(body);
  if (!parsed.ok) return [];
  return parsed.commit.events.flatMap((event) =>
    event.kind === "run_started" && isId("definition", event.plan) ? [`${tenant}/_def/${event.plan}`] : [],
  );
}
