/** Models as people read them. */
import type { Output } from "./output/output.ts";
import { type Column, printTable } from "./output/table.ts";
import { cyan, dim } from "./output/text.ts";
import type { ModelList, ModelView } from "./project/list-models.ts";

export function printModels(output: Output, { items, pricesAt }: ModelList): void {
  if (items.length === 0) {
    output.say(["No models. Agents need one: write ", cyan("models: {default: …}"), " in agentflow.yaml"]);
    return;
  }
  const columns: Column<ModelView>[] = [
    { title: "NAME", of: ({ name }) => name },
    { title: "PROVIDER", of: ({ provider }) => provider },
    { title: "MODEL", of: ({ model }) => model, flexible: true },
    { title: "AT", of: ({ host }) => host ?? "" },
    { title: "KEY", of: ({ key }) => key ?? "", flexible: true },
    { title: "$/M IN", of: (model) => usd(model, "input"), side: "right" },
    { title: "$/M OUT", of: (model) => usd(model, "output"), side: "right" },
    { title: "FALLBACKS", of: ({ fallbacks }) => fallbacks.join(", ") },
    { title: "STATE", of: stateOf },
  ];
  // A column in which nothing stands would only take the width that others need.
  printTable(
    output,
    columns.filter(({ of }) => items.some((item) => of(item) !== "")),
    items,
  );
  const asked = items.find(({ missing, unset }) => missing.length === 0 && unset !== undefined);
  if (asked?.unset !== undefined) {
    const isSecret = asked.key === `secret://${asked.unset}`;
    output.say(["Set it: ", cyan(isSecret ? `af secrets set ${asked.unset}` : `${asked.unset}=… in .env`)]);
  }
  if (items.some(({ priceFrom }) => priceFrom === "table")) {
    output.say(dim(`List prices as of ${pricesAt}, where the project names none of its own`));
  }
}

function usd({ price }: ModelView, side: "input" | "output"): string {
  return price === undefined ? "?" : String(price[side]);
}

function stateOf({ known, missing, lack, unset }: ModelView): string {
  if (!known) return "no such provider";
  if (missing.length > 0) return `npm install ${missing.join(" ")}`;
  if (lack !== undefined) return lack.split(";")[0]?.replace(/^it has /, "has ") ?? lack;
  if (unset === undefined) return "ready";
  return "key not set";
}
