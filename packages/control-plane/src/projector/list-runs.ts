import { newestOf, startOf } from "@agentflow/bus";
import {
  AgentFlowError,
  type Failure,
  instant,
  type RunPage,
  type RunSummary,
  type TenantId,
  unixMs,
} from "@agentflow/protocol";
import type { RunFilter } from "../engine-api.ts";
import { behind, invalidCursor, showPlace } from "./cursor.ts";
import { parseFailure, parseLabels } from "./parse-row.ts";
import { notYet, type Projector } from "./projector.ts";
import type { RunPlace, RunQuery, RunRow } from "./read-rows.ts";
import type { ReadStore } from "./read-store.ts";

export interface ListParts {
  readonly store: ReadStore;
  readonly projector: Projector;
  readonly lanes: number;
  readonly minRevisionWaitMs: number;
}

const limitMax = 500;
const labelsMax = 8;
const scanMax = 20_000;

/** Newest first, by an index. A page of a label filter may be short and still have a cursor. */
export async function listRuns(parts: ListParts, tenant: TenantId, filter: RunFilter): Promise<RunPage> {
  const { minRevision } = filter;
  const query = toQuery(tenant, filter);
  if (minRevision !== undefined && !(await parts.projector.has(minRevision, parts.minRevisionWaitMs))) {
    throw notYet(minRevision);
  }
  const list = await parts.store.call("list", query);
  const runs = list.rows.map(toSummary);
  const position = list.position ?? startOf(parts.lanes);
  const page = { runs, revision: newestOf(position), place: showPlace(behind(position)) };
  return list.next === undefined ? page : { ...page, cursor: showCursor(list.next) };
}

export function toSummary(row: RunRow): RunSummary {
  const { run, workflow, version, status, startedAtMs, endedAtMs, revision } = row;
  const labels = row.labels === undefined ? undefined : parseLabels(row.labels);
  const failure: Failure | undefined = row.failure === undefined ? undefined : parseFailure(row.failure);
  return {
    run,
    workflow,
    version,
    status,
    startedAt: instant(startedAtMs),
    ...(endedAtMs === undefined ? {} : { endedAt: instant(endedAtMs) }),
    revision,
    ...(labels === undefined ? {} : { labels }),
    ...(failure === undefined || status === "running" ? {} : { failure }),
  };
}

function toQuery(tenant: TenantId, filter: RunFilter): RunQuery {
  const { status, workflow, since, until, cursor } = filter;
  const labels = Object.entries(filter.labels ?? {});
  if (labels.length > labelsMax) {
    throw new AgentFlowError("invalid_input", `at most ${labelsMax} labels`, { reason: "labels_too_many" });
  }
  return {
    tenant,
    ...(status === undefined || status.length === 0 ? {} : { status: [...new Set(status)] }),
    ...(workflow === undefined ? {} : { workflow }),
    ...(labels.length === 0 ? {} : { labels }),
    ...(since === undefined ? {} : { sinceMs: readInstant(since) }),
    ...(until === undefined ? {} : { untilMs: readInstant(until) }),
    ...(cursor === undefined ? {} : { after: readCursor(cursor) }),
    limit: Math.min(Math.max(Math.floor(filter.limit ?? 50), 1), limitMax),
    scanMax,
  };
}

export function readInstant(text: string): number {
  const ms = unixMs(text);
  if (Number.isFinite(ms)) return ms;
  throw new AgentFlowError("invalid_input", `${JSON.stringify(text.slice(0, 40))} is no instant`, {
    reason: "invalid_instant",
    suggestions: ["write it as 2026-01-31T12:00:00Z"],
  });
}

function showCursor({ startedAtMs, run }: RunPlace): string {
  return `l${startedAtMs.toString(36)}-${run}`;
}

function readCursor(cursor: string): RunPlace {
  const match = /^l([0-9a-z]{1,11})-(r[0-9a-z]{26})$/.exec(cursor);
  if (match === null) throw invalidCursor(cursor);
  return { startedAtMs: Number.parseInt(match[1] ?? "", 36), run: match[2] ?? "" };
}
