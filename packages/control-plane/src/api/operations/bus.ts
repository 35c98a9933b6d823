/** What lies on the bus, for people who look for a fault; and dead letters, which can be put right. */
import {
  AgentFlowError,
  parseId,
  peekKinds,
  type RedriveItem,
  tailKinds,
  type TailKind,
  type TenantId,
} from "@agentflow/protocol";
import { apiSchemas, busSchemas } from "@agentflow/protocol/schema";
import { z } from "zod";
import { holdsScope, type Principal, requireScope } from "../../auth/principal.ts";
import type { PeekQuery } from "../../insight/peek.ts";
import type { Sight } from "../../insight/sight.ts";
import { type Operation, operation } from "../parse-operation.ts";
import { idQuery } from "./params.ts";

const { query: asked } = apiSchemas;
const tag = "bus";
const peekLimitMax = 200;
const charactersMax = 64 * 1024;

/** Bodies are cut at so many characters; 64 Ki at most. */
const characters = z.coerce.number().int().min(0).max(charactersMax).exactOptional();
const limit = z.coerce.number().int().min(1).max(peekLimitMax).exactOptional();

const peekQuery = z.strictObject({
  kind: z.enum(peekKinds).exactOptional(),
  tenant: idQuery("tenant"),
  pool: idQuery("pool"),
  run: idQuery("run"),
  step: idQuery("step instance"),
  shard: idQuery("shard"),
  prefix: asked.text,
  limit,
  characters,
});

export const busTailQuery = z.strictObject({
  kinds: asked.text,
  tenant: idQuery("tenant"),
  pool: idQuery("pool"),
  run: idQuery("run"),
  characters,
});

const deadQuery = z.strictObject({
  tenant: idQuery("tenant"),
  pool: idQuery("pool"),
  run: idQuery("run"),
  reason: asked.text,
  limit,
});

export const busOperations: readonly Operation[] = [
  operation({
    id: "top",
    method: "get",
    path: "/v1/top",
    tag: "installation",
    summary:
      "What goes on now: pools, workers, runs, streams; totals from which rates are worked out. All of it " +
      "with the scope operator, else what is the tenant's own.",
    scope: "runs:read",
    answer: busSchemas.topAnswer,
    handle: ({ services, principal }) => {
      const whole = holdsScope(principal, "operator");
      return services.engine.top(whole ? {} : { tenant: principal.tenant });
    },
  }),
  operation({
    id: "peekBus",
    method: "get",
    path: "/v1/bus/peek",
    tag,
    summary:
      "What lies in streams, queues, histories and tables, read-only and in bounds. Records of other " +
      "tenants need the scope operator to be seen, and backup to be read.",
    scope: "runs:read",
    query: peekQuery,
    answer: busSchemas.peekAnswer,
    handle: ({ services, principal, query }) => {
      const { tenant, kind = "streams", ...rest } = query;
      const ofRun = query.run === undefined || kind !== "log" ? {} : { own: true };
      const wanted: PeekQuery = {
        ...rest,
        kind,
        limit: query.limit ?? 20,
        charactersMax: query.characters ?? 2_000,
      };
      return services.engine.bus.peek(sightOf(principal, tenant, ofRun), wanted);
    },
  }),
  operation({
    id: "listDead",
    method: "get",
    path: "/v1/bus/dead",
    tag,
    summary: "Dead letters, newest first, one a task, with how the task stands now.",
    scope: "runs:read",
    query: deadQuery,
    answer: busSchemas.deadPage,
    handle: ({ services, principal, query: { tenant, limit: max = 50, ...query } }) =>
      services.engine.bus.dead(sightOf(principal, tenant), { ...query, limit: max }),
  }),
  operation({
    id: "redriveDead",
    method: "post",
    path: "/v1/bus/dead/redrive",
    tag,
    summary:
      "Have the open tasks of dead letters sent again by their runs' owners, a hundred a call. Twice is " +
      "harmless: what the queue or a worker has stays as it is, and what has ended is left alone.",
    scope: "runs:write",
    body: busSchemas.redriveBody,
    answer: busSchemas.redriveAnswer,
    handle: async ({ services, principal, body }) => {
      const answer = await services.engine.bus.redrive(sightOf(principal, undefined), body);
      if (answer.dryRun) return answer;
      for (const { to, tenant } of sentRuns(answer.items)) {
        await services.audit.write(tenant, { by: principal.name, did: "redriveDead", outcome: "done", to });
      }
      return answer;
    },
  }),
];

/** Each in the trail of its own tenant. */
function sentRuns(
  items: readonly RedriveItem[],
): readonly { readonly to: string; readonly tenant: TenantId }[] {
  const sent = items.filter(({ outcome }) => outcome === "sent");
  const runs = new Map(sent.map(({ tenant, run = "" }) => [`${tenant} ${run}`, { to: run, tenant }]));
  return [...runs.values()].map(({ to, tenant }) => ({ to, tenant: parseId("tenant", tenant) }));
}

/** One tenant for who has no more than a tenant's rights; `own`: one tenant also for the others. */
export function sightOf(
  principal: Principal,
  tenant: TenantId | undefined,
  { own = false }: { readonly own?: boolean } = {},
): Sight {
  if (tenant !== undefined && tenant !== principal.tenant) requireScope(principal, "operator");
  const whole = holdsScope(principal, "operator") && !own;
  return {
    tenant: tenant ?? (whole ? undefined : principal.tenant),
    reads: holdsScope(principal, "backup") ? "all" : principal.tenant,
  };
}

/** What a tail asks for, with commas; what tells most when nothing is said. */
export function tailKindsOf(text: string | undefined): ReadonlySet<TailKind> {
  if (text === undefined) return new Set(["inputs", "tasks", "dead"]);
  const words = text.split(",").map((word) => {
    const known = tailKinds.find((kind) => kind === word);
    if (known !== undefined) return known;
    throw new AgentFlowError("invalid_input", `${JSON.stringify(word.slice(0, 40))} cannot be followed`, {
      reason: "unknown_kind",
      suggestions: [`one of ${tailKinds.join(", ")}`],
    });
  });
  return new Set(words);
}
