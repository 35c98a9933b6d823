import { type RunId, type RunStatus, AgentFlowError, runStatuses } from "@agentflow/protocol";
import { apiSchemas } from "@agentflow/protocol/schema";
import { z } from "zod";
import { type Operation, operation } from "../parse-operation.ts";
import { cancelledByClient } from "../../orchestrator/runs.ts";
import { runParams, stepQuery } from "./params.ts";

const { query: asked } = apiSchemas;
const tag = "runs";

export const runOperations: readonly Operation[] = [
  operation({
    id: "startRun",
    method: "post",
    path: "/v1/runs",
    tag,
    summary:
      "Start a run; with waitMs the answer may be its end. The same id and body again is answered the same.",
    scope: "runs:write",
    query: z.strictObject({ waitMs: asked.waitMs }),
    body: apiSchemas.startRunBody,
    answer: apiSchemas.runAnswer,
    statuses: [202, 200],
    statusOf: (answer) => (isRunning(answer) ? 202 : 200),
    handle: (call) => {
      const { services, principal, query, body } = call;
      const { waitMs = 0 } = query;
      // Without a wait nothing can be given up: the signal is not asked for, and costs nothing.
      const wait = waitMs > 0 ? { waitMs, signal: call.signal } : { waitMs };
      return services.engine.runs.start(principal.tenant, body, wait);
    },
  }),
  operation({
    id: "listRuns",
    method: "get",
    path: "/v1/runs",
    tag,
    summary: "Runs, newest first, by filters; minRevision waits up to a second for a list that holds it.",
    scope: "runs:read",
    query: z.strictObject({
      status: asked.text,
      workflow: asked.text,
      label: asked.text,
      since: asked.instant,
      until: asked.instant,
      limit: asked.limit,
      cursor: asked.cursor,
      minRevision: asked.revision,
    }),
    answer: apiSchemas.runPage,
    handle: ({ services, principal, query: { status, label, ...rest } }) =>
      services.engine.runs.list(principal.tenant, {
        ...rest,
        ...(status === undefined ? {} : { status: statuses(status) }),
        ...(label === undefined ? {} : { labels: labelsOf(label) }),
      }),
  }),
  operation({
    id: "getRun",
    method: "get",
    path: "/v1/runs/{run}",
    tag,
    summary: "A run with its steps and attempts, folded from its history.",
    scope: "runs:read",
    params: runParams,
    answer: apiSchemas.runView,
    handle: ({ services, principal, params }) => services.engine.runs.get(principal.tenant, params.run),
  }),
  operation({
    id: "waitRun",
    method: "get",
    path: "/v1/runs/{run}/wait",
    tag,
    summary: "Wait for a run's end; answers how it stands when waitMs is over.",
    scope: "runs:read",
    params: runParams,
    query: z.strictObject({ waitMs: asked.waitMs }),
    answer: apiSchemas.runAnswer,
    handle: ({ services, principal, params, query: { waitMs = 0 }, signal }) =>
      services.engine.runs.wait(principal.tenant, params.run, { waitMs, signal }),
  }),
  operation({
    id: "cancelRun",
    method: "post",
    path: "/v1/runs/{run}/cancel",
    tag,
    summary: "Cancel a run: its open attempts are stopped. The same input id again changes nothing.",
    scope: "runs:write",
    audited: true,
    params: runParams,
    body: apiSchemas.cancelBody,
    answer: apiSchemas.runAnswer,
    handle: async ({ services, principal, params, body, signal }) => {
      const { engine } = services;
      const { tenant, name } = principal;
      const answer = await engine.runs.cancel(tenant, params.run, { ...body, by: name });
      if (answer.kind === "refused") throw refused(answer, params.run);
      if (answer.repeated === true) return engine.runs.wait(tenant, params.run, { waitMs: 0, signal });
      // A cancel that was accepted has ended the run: its history need not be read to say so.
      const failure = { code: "cancelled", message: body.reason ?? cancelledByClient };
      return { run: params.run, status: "cancelled", revision: answer.revision, failure };
    },
  }),
  operation({
    id: "resolveRun",
    method: "post",
    path: "/v1/runs/{run}/resolve",
    tag,
    summary: "Say what became of a step whose outcome is unknown: done, failed, or retry.",
    scope: "runs:write",
    audited: true,
    params: runParams,
    body: apiSchemas.resolveBody,
    answer: apiSchemas.runAnswer,
    handle: async ({ services, principal, params, body, signal }) => {
      const { engine } = services;
      const answer = await engine.runs.resolve(principal.tenant, params.run, { ...body, by: principal.name });
      if (answer.kind === "refused") throw refused(answer, params.run);
      return engine.runs.wait(principal.tenant, params.run, { waitMs: 0, signal });
    },
  }),
  operation({
    id: "whyRun",
    method: "get",
    path: "/v1/runs/{run}/why",
    tag,
    summary: "What a run waits for, since when, who holds it, and the command that frees it.",
    scope: "runs:read",
    params: runParams,
    answer: apiSchemas.whyAnswer,
    handle: ({ services, principal, params }) => services.engine.runs.why(principal.tenant, params.run),
  }),
  operation({
    id: "runPlan",
    method: "get",
    path: "/v1/runs/{run}/plan",
    tag,
    summary: "The plan that a run walks.",
    scope: "runs:read",
    params: runParams,
    answer: z.looseObject({ v: z.literal(1), kind: z.literal("plan"), workflow: z.string() }),
    handle: ({ services, principal, params }) => services.engine.runs.plan(principal.tenant, params.run),
  }),
  operation({
    id: "runEvents",
    method: "get",
    path: "/v1/runs/{run}/events",
    tag,
    summary: "A run's events behind a cursor, oldest first.",
    scope: "runs:read",
    params: runParams,
    query: z.strictObject({ after: asked.cursor, limit: asked.limit }),
    answer: apiSchemas.eventPage,
    handle: ({ services, principal, params, query: page }) =>
      services.engine.runs.events(principal.tenant, params.run, page),
  }),
  operation({
    id: "runJournal",
    method: "get",
    path: "/v1/runs/{run}/journal",
    tag,
    summary: "Records of the journals of a run's agent steps behind a cursor, or of one step, oldest first.",
    scope: "runs:read",
    params: runParams,
    query: z.strictObject({ step: stepQuery, after: asked.cursor, limit: asked.limit }),
    answer: apiSchemas.journalPage,
    handle: ({ services, principal, params, query: page }) =>
      services.engine.runs.journal(principal.tenant, params.run, page),
  }),
];

function isRunning(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "status" in answer && answer.status === "running";
}

function statuses(text: string): RunStatus[] {
  return text.split(",").map((word) => {
    const status = runStatuses.find((known) => known === word);
    if (status !== undefined) return status;
    throw new AgentFlowError("invalid_input", `${JSON.stringify(word)} is not a status`, {
      suggestions: [`one of ${runStatuses.join(", ")}`],
    });
  });
}

function labelsOf(text: string): { [key: string]: string } {
  const pairs = text.split(",").map((pair): [string, string] => {
    const at = pair.indexOf("=");
    if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
    throw new AgentFlowError("invalid_input", `${JSON.stringify(pair)} is not key=value`);
  });
  return Object.fromEntries(pairs);
}

function refused(answer: { readonly reason: string; readonly message: string }, run: RunId): AgentFlowError {
  const code = answer.reason === "not_found" ? "not_found" : "refused";
  return new AgentFlowError(code, answer.message, {
    reason: answer.reason,
    suggestions: [`af run get ${run}`],
  });
}
