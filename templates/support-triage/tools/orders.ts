import { readFile } from "node:fs/promises";
import path from "node:path";
import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

const order = z.object({
  id: z.string(),
  item: z.string(),
  price: z.string(),
  state: z.string(),
  daysSinceDelivery: z.number().nullable(),
});

export const find = defineTool({
  description: "Find an order by its number",
  input: z.object({ id: z.string().max(40) }),
  output: order.nullable(),
  effect: "read",
  async run({ id }, { projectDir, log }) {
    const text = await readFile(path.join(projectDir, "data/orders.json"), "utf8");
    const orders = z.array(order).parse(JSON.parse(text));
    const found = orders.find((one) => one.id === id) ?? null;
    log.info(found === null ? "no such order" : "order found", { id });
    return found;
  },
});
