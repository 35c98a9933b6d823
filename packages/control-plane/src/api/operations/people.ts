import { AgentFlowError, usageGroups } from "@agentflow/protocol";
import { apiSchemas } from "@agentflow/protocol/schema";
import { z } from "zod";
import { type Operation, operation } from "../parse-operation.ts";

const { query: asked } = apiSchemas;
const tag = "people";
const approvalParams = z.object({ approval: z.string().max(80) });

export const peopleOperations: readonly Operation[] = [
  operation({
    id: "listApprovals",
    method: "get",
    path: "/v1/approvals",
    tag,
    summary:
      "What people are asked, newest first; status `open`, `decided`, or those of an approval, with commas.",
    scope: "runs:read",
    query: z.strictObject({ status: asked.text, run: asked.text, limit: asked.limit, cursor: asked.cursor }),
    answer: apiSchemas.approvalPage,
    handle: ({ services, principal, query }) => services.engine.people.approvals(principal.tenant, query),
  }),
  operation({
    id: "getApproval",
    method: "get",
    path: "/v1/approvals/{approval}",
    tag,
    summary: "What a person is asked, word for word, and how it stands.",
    scope: "runs:read",
    params: approvalParams,
    answer: apiSchemas.approvalView,
    handle: ({ services, principal, params }) =>
      services.engine.people.approval(principal.tenant, params.approval),
  }),
  operation({
    id: "decideApproval",
    method: "post",
    path: "/v1/approvals/{approval}",
    tag,
    summary:
      "Approve or deny exactly what was shown: another hash, or an answer that comes late, is refused and " +
      "says what stands there. The same input id again changes nothing.",
    scope: "approvals",
    params: approvalParams,
    body: apiSchemas.decideBody,
    answer: apiSchemas.approvalView,
    handle: async ({ services, principal, params, body }) => {
      const { tenant, name } = principal;
      const { approval } = params;
      try {
        const view = await services.engine.people.decide(tenant, approval, { ...body, by: name });
        const said = { outcome: "done" as const, reason: body.approve ? "approved" : "denied" };
        await services.audit.write(tenant, { by: name, did: "decideApproval", ...said, to: approval });
        return view;
      } catch (error) {
        // Who came late, or answered something else than what stood there, is kept as well.
        if (AgentFlowError.is(error) && error.code === "refused") {
          const record = { by: name, did: "decideApproval", outcome: "refused" as const };
          await services.audit.write(tenant, { ...record, reason: error.reason, to: approval });
        }
        throw error;
      }
    },
  }),
  operation({
    id: "usage",
    method: "get",
    path: "/v1/usage",
    tag,
    summary: "What models and tools have used up, by agent, workflow, run or in all; most money first.",
    scope: "runs:read",
    query: z.strictObject({ by: z.enum(usageGroups).exactOptional(), since: asked.instant }),
    answer: apiSchemas.usageAnswer,
    handle: ({ services, principal, query: { by = "agent", since } }) =>
      services.engine.people.usage(principal.tenant, { by, ...(since === undefined ? {} : { since }) }),
  }),
];
