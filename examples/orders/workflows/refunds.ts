import { cel, defineWorkflow, uses } from "@agentflow/sdk";
import { z } from "zod";
import { find, refund } from "../tools/orders.ts";

const input = z.object({ ids: z.array(z.string()) });

export default defineWorkflow({ name: "refunds", input, timeout: "1h" })
  .forEach(
    "look",
    uses("tool:orders.find", find),
    ({ input }) => input.ids,
    (id) => ({ id }),
    { maxParallel: 4, retry: { max: 3, backoff: "1s" } },
  )
  .set("found", ({ steps }) => cel<{ id: string; total: number }[]>`${steps.look}.filter(o, o != null)`)
  .wait("pause", { for: "10m" })
  .forEach(
    "pay",
    uses("tool:orders.refund", refund),
    ({ steps }) => steps.found,
    (order) => order,
    { needs: ["pause"] },
  )
  .output(({ steps }) => ({
    receipts: steps.pay,
    paid: cel<number>`${steps.found}.map(o, o.total).sum()`,
  }));
