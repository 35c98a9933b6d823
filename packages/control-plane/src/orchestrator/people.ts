import {
  AgentFlowError,
  type ApprovalPage,
  type ApprovalStatus,
  type ApprovalView,
  approvalStatuses,
  instant,
  isId,
  parseId,
  type RunId,
  type TenantId,
  type UsageAnswer,
} from "@agentflow/protocol";
import type { ApprovalFilter, DecideRequest, EnginePeople, UsageFilter } from "../engine-api.ts";
import { invalidCursor } from "../projector/cursor.ts";
import { readInstant } from "../projector/list-runs.ts";
import { parseShown } from "../projector/parse-row.ts";
import type { ApprovalPlace, ApprovalRow } from "../projector/read-rows.ts";
import type { ReadStore } from "../projector/read-store.ts";
import type { Ask } from "./runs.ts";
import type { RunQueries } from "./run-queries.ts";

export interface PeopleParts {
  readonly store: ReadStore;
  readonly queries: RunQueries;
  /** An input of a client: answered once it is durable, refused as its error. */
  readonly ask: Ask;
  readonly now: () => string;
}

const approvalsMax = 200;
const usageRowsMax = 1_000;

/** Approvals and usage. Lists come from the read model; one approval, from its run's history. */
export class People implements EnginePeople {
  private readonly parts: PeopleParts;

  constructor(parts: PeopleParts) {
    this.parts = parts;
  }

  async approvals(tenant: TenantId, filter: ApprovalFilter): Promise<ApprovalPage> {
    const { status, run, cursor } = filter;
    const limit = Math.min(Math.max(Math.floor(filter.limit ?? 50), 1), approvalsMax);
    const rows = await this.parts.store.call("approvals", {
      tenant,
      ...(status === undefined ? {} : { status: statusesOf(status) }),
      ...(run === undefined ? {} : { run }),
      ...(cursor === undefined ? {} : { after: readCursor(cursor) }),
      limit: limit + 1,
    });
    const approvals = rows.slice(0, limit).map(viewOf);
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return last === undefined ? { approvals } : { approvals, cursor: showCursor(last) };
  }

  async approval(tenant: TenantId, approval: string): Promise<ApprovalView> {
    const run = runOf(approval);
    const known = run === undefined ? [] : await this.parts.queries.approvals(tenant, run);
    const found = known.find((one) => one.approval === approval);
    if (found === undefined) throw noSuchApproval(approval);
    return found;
  }

  async decide(tenant: TenantId, approval: string, body: DecideRequest): Promise<ApprovalView> {
    const run = runOf(approval);
    if (run === undefined) throw noSuchApproval(approval);
    const { input, hash, approve, by, comment } = body;
    try {
      await this.parts.ask(tenant, run, {
        kind: "approval",
        id: parseId("input", input),
        at: this.parts.now(),
        approval,
        hash,
        approve,
        ...(by === undefined ? {} : { by }),
        ...(comment === undefined ? {} : { comment }),
      });
    } catch (error) {
      throw await this.explained(tenant, approval, AgentFlowError.from(error, "deciding an approval"));
    }
    return this.approval(tenant, approval);
  }

  async usage(tenant: TenantId, { by, since }: UsageFilter): Promise<UsageAnswer> {
    const sinceMs = since === undefined ? {} : { sinceMs: readInstant(since) };
    const sums = await this.parts.store.call("usage", { tenant, by, ...sinceMs, limit: usageRowsMax });
    return { by, ...(since === undefined ? {} : { since }), ...sums };
  }

  /** A refusal says how the approval stands now: who decided, or what is shown by now. */
  private async explained(
    tenant: TenantId,
    approval: string,
    error: AgentFlowError,
  ): Promise<AgentFlowError> {
    const { code, reason, message } = error;
    const isUnknown = reason === "approval_unknown" || reason === "run_not_found" || reason === "not_found";
    if (isUnknown) return noSuchApproval(approval);
    if (code !== "refused" || !reason.startsWith("approval_")) return error;
    const now = await this.approval(tenant, approval).catch(() => undefined);
    const details = now === undefined ? {} : { details: { approval: now } };
    const suggestions = [`af approvals show ${approval}`];
    return new AgentFlowError(code, message, { reason, ...details, suggestions });
  }
}

function runOf(approval: string): RunId | undefined {
  const [run = "", n = "", ...rest] = approval.split("-");
  const isOne = rest.length === 0 && /^[1-9][0-9]{0,8}$/.test(n);
  return isOne && isId("run", run) ? run : undefined;
}

/** Also for one of another tenant: whether it exists is not told. */
function noSuchApproval(approval: string): AgentFlowError {
  const shown = JSON.stringify(approval.slice(0, 80));
  return new AgentFlowError("not_found", `there is no approval ${shown}`, {
    reason: "approval_not_found",
    suggestions: ["af approvals list"],
  });
}

/** `decided` stands for all that are not open. */
function statusesOf(text: string): ApprovalStatus[] {
  return text.split(",").flatMap((word): readonly ApprovalStatus[] => {
    if (word === "decided") return approvalStatuses.filter((status) => status !== "open");
    const status = approvalStatuses.find((known) => known === word);
    if (status !== undefined) return [status];
    throw new AgentFlowError("invalid_input", `${JSON.stringify(word)} is not a status of approvals`, {
      suggestions: [`one of decided, ${approvalStatuses.join(", ")}`],
    });
  });
}

function viewOf(row: ApprovalRow): ApprovalView {
  const { run, n, workflow, step, call, status, hash, decidedAtMs, by, comment } = row;
  return {
    approval: `${run}-${n}`,
    run,
    workflow,
    step,
    ...(call === undefined ? {} : { call }),
    status,
    shown: parseShown(row.shown),
    hash,
    requestedAt: instant(row.requestedAtMs),
    expiresAt: instant(row.expiresAtMs),
    ...(decidedAtMs === undefined ? {} : { decidedAt: instant(decidedAtMs) }),
    ...(by === undefined ? {} : { by }),
    ...(comment === undefined ? {} : { comment }),
  };
}

function showCursor({ requestedAtMs, run, n }: ApprovalPlace): string {
  return `a${requestedAtMs.toString(36)}-${run}-${n}`;
}

function readCursor(cursor: string): ApprovalPlace {
  const match = /^a([0-9a-z]{1,11})-(r[0-9a-z]{26})-([1-9][0-9]{0,8})$/.exec(cursor);
  if (match === null) throw invalidCursor(cursor);
  return { requestedAtMs: Number.parseInt(match[1] ?? "", 36), run: match[2] ?? "", n: Number(match[3]) };
}
