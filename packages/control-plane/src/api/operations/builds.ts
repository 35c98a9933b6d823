import { z } from "zod";
import { apiSchemas } from "@agentflow/protocol/schema";
import { grammar, parseId, type PoolName } from "@agentflow/protocol";
import { holdsScope } from "../../auth/principal.ts";
import { type Operation, operation } from "../parse-operation.ts";
import { idQuery } from "./params.ts";

const poolParams = z.object({
  pool: z
    .string()
    .regex(grammar.pool, { error: "is not a valid pool" })
    .transform((text): PoolName => parseId("pool", text)),
});

const buildView = z.looseObject({
  build: z.string(),
  current: z.array(z.string()),
  openRuns: z.int(),
  oldest: z.looseObject({ run: z.string(), startedAt: z.string() }).exactOptional(),
  pools: z.array(z.looseObject({ pool: z.string(), workers: z.int(), slots: z.int(), busy: z.int() })),
});

export const buildOperations: readonly Operation[] = [
  operation({
    id: "listBuilds",
    method: "get",
    path: "/v1/builds",
    tag: "workers",
    summary:
      "Builds: which workflows take it for new runs, its open runs, its workers by pool. All tenants' with " +
      "the scope operator. minRevision waits up to a second until runs are counted up to there.",
    scope: "runs:read",
    query: z.strictObject({ minRevision: apiSchemas.query.revision }),
    answer: z.object({
      items: z.array(buildView),
      default: z.string(),
      unreadable: z.int(),
      revision: z.int(),
    }),
    handle: ({ services, principal, query }) => {
      const whole = holdsScope(principal, "operator");
      return services.engine.builds({ ...query, ...(whole ? {} : { tenant: principal.tenant }) });
    },
  }),
  operation({
    id: "poolDepth",
    method: "get",
    path: "/v1/pools/{pool}/depth",
    tag: "workers",
    summary:
      "How many tasks of a pool wait or are worked on, in the whole installation; `build`: of one build. " +
      "For autoscalers: a key with the scope pools:read sees this and nothing else.",
    scope: "pools:read",
    params: poolParams,
    query: z.strictObject({ build: idQuery("build") }),
    answer: z.object({
      pool: z.string(),
      build: z.string().exactOptional(),
      tasks: z.int(),
      waiting: z.int(),
      running: z.int(),
      workers: z.int(),
      slots: z.int(),
    }),
    handle: ({ services, params, query }) => services.engine.poolDepth({ ...params, ...query }),
  }),
];
