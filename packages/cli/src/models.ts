/** Models as people read them. */
import type { Output } from "./output/output.ts";
import { printTable } from "./output/table.ts";
import { cyan, dim } from "./output/text.ts";
import type { ModelList, ModelView } from "./project/list-models.ts";

export function printModels(output: Output, { items, pricesAt }: ModelList): void {
  if (items.length === 0) {
    output.say(["No models. Agents need one: write ", cyan("models: {default: …}"), " in agentflow.yaml"]);
    return;
  }
  printTable(
    output,
    [
      { title: "NAME", of: ({ name }) => name },
      { title: "PROVIDER", of: ({ provider }) => provider },
      { title: "MODEL", of: ({ model }) => model, flexible: true },
      { title: "AT", of: ({ host }) => host ?? "" },
      { title: "KEY", of: ({ key }) => key ?? "" },
      { title: "$/M IN", of: (model) => usd(model, "input"), side: "right" },
      { title: "$/M OUT", of: (model) => usd(model, "output"), side: "right" },
      { title: "FALLBACKS", of: ({ fallbacks }) => fallbacks.join(", ") },
      { title: "STATE", of: stateOf },
    ],
    items,
  );
  if (items.some(({ priceFrom }) => priceFrom === "table")) {
    output.say(dim(`List prices as of ${pricesAt}, where the project names none of its own`));
  }
}

function usd({ price }: ModelView, side: "input" | "output"): string {
  return price === undefined ? "?" : String(price[side]);
}

function stateOf({ known, missing, lack }: ModelView): string {
  if (!known) return "no such provider";
  if (missing.length > 0) return `npm install ${missing.join(" ")}`;
  return lack?.split(";")[0]?.replace(/^it has /, "has ") ?? "ready";
}
