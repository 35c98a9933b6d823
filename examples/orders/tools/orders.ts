import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

const order = z.object({ id: z.string(), total: z.number() });

export const find = defineTool({
  description: "Find an order by its number",
  input: z.object({ id: z.string() }),
  output: order.nullable(),
  effect: "read",
  async run({ id }) {
    return id.startsWith("o") ? { id, total: id.length * 10 } : null;
  },
});

export const refund = defineTool({
  description: "Pay an order back",
  input: order,
  output: z.object({ receipt: z.string() }),
  // The key under which the bank recognises a repeat: the same refund is paid once, however often we ask.
  effect: "write",
  idempotencyKey: ({ id }) => `refund-${id}`,
  async run({ id }, { callId, log }) {
    log.info("refunding", { id, key: callId });
    return { receipt: `${id}-${callId}` };
  },
});
