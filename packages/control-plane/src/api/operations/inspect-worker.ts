/** A debugger for the runner of a worker: only where the worker is a child of this very process. */
import { AgentFlowError, type WorkerView, isId } from "@agentflow/protocol";
import { apiSchemas } from "@agentflow/protocol/schema";
import { z } from "zod";
import { type Operation, operation } from "../parse-operation.ts";

export const inspectWorker: Operation = operation({
  id: "inspectWorker",
  method: "post",
  path: "/v1/workers/{worker}/inspect",
  tag: "workers",
  summary:
    "Open the inspector of a worker's runner on the loopback of its machine; refused (worker_elsewhere) " +
    "where the worker is no child of this process.",
  scope: "admin",
  audited: true,
  params: z.object({
    worker: z.string().refine((text) => isId("worker", text), { error: "is not a valid worker name" }),
  }),
  body: apiSchemas.inspectBody,
  answer: z.object({ worker: z.string(), url: z.string() }),
  handle: async ({ services, principal, params: { worker }, body: { port = defaultPort } }) => {
    const known = services.engine.registry
      .listWorkers(principal.tenant)
      .find((one) => one.worker === worker && one.alive);
    if (known === undefined) {
      throw new AgentFlowError("not_found", `there is no worker ${worker}`, {
        reason: "no_such_worker",
        suggestions: ["af worker list"],
      });
    }
    const url = await services.inspectWorker?.(worker, port);
    if (url === undefined) throw elsewhere(known, port);
    return { worker, url };
  },
});

const defaultPort = 9229;

function elsewhere({ worker, host, pid }: WorkerView, port: number): AgentFlowError {
  const tunnel = `ssh -N -L ${port}:127.0.0.1:${port} ${host}`;
  const message = `worker ${worker} is process ${pid} on ${host}, and none of this process`;
  return new AgentFlowError("refused", `${message}: its inspector cannot be opened from here`, {
    reason: "worker_elsewhere",
    details: { worker, host, pid },
    suggestions: [
      `for the same code under a debugger: af dev --inspect ${port} in the project`,
      `where af dev runs on another machine: af debug attach there, and ${tunnel} here`,
    ],
  });
}
