/** What models of a run cost, worked out from the spans of their calls. */
import type { Json, SpanRecord, Usage, UsageTotals } from "@agentflow/protocol";
import { addUsage, noUsage, showTokens, showUsd } from "../debug/usage.ts";
import type { Output } from "../output/output.ts";
import { type Column, heading, printTable } from "../output/table.ts";
import { dim, yellow } from "../output/text.ts";

/** Undefined for a span that is no model call, or one that got no reply. */
export function chatUsage(span: SpanRecord): (Usage & { readonly usd?: string }) | undefined {
  const attributes = span.attributes ?? {};
  if (attributes["gen_ai.operation.name"] !== "chat") return undefined;
  const tokens = (key: string): number => count(attributes[`gen_ai.usage.${key}`]);
  if (attributes["gen_ai.usage.input_tokens"] === undefined) return undefined;
  const usd = attributes["agentflow.cost.usd"];
  return {
    inputTokens: tokens("input_tokens"),
    outputTokens: tokens("output_tokens"),
    cacheReadTokens: tokens("cache_read.input_tokens"),
    cacheWriteTokens: tokens("cache_write.input_tokens"),
    reasoningTokens: tokens("reasoning.output_tokens"),
    ...(typeof usd === "string" ? { usd } : {}),
  };
}

function count(value: Json | undefined): number {
  return typeof value === "number" && value >= 0 ? value : 0;
}

export interface CostRow extends UsageTotals {
  readonly name: string;
}

export interface Costs {
  readonly total: UsageTotals;
  readonly models: readonly CostRow[];
  readonly agents: readonly CostRow[];
  readonly steps: readonly CostRow[];
}

export function costsOf(spans: readonly SpanRecord[]): Costs {
  const chats = spans.filter((span) => chatUsage(span) !== undefined);
  return {
    total: sum(chats),
    models: rows(chats, modelOf),
    agents: rows(chats, (span) => text(span, "gen_ai.agent.name")),
    steps: rows(chats, ({ step }) => step ?? "–"),
  };
}

/** With its provider: `anthropic/claude-sonnet-4-5`. */
function modelOf(span: SpanRecord): string {
  const provider = span.attributes?.["gen_ai.provider.name"];
  const model = text(span, "gen_ai.request.model");
  return typeof provider === "string" ? `${provider}/${model}` : model;
}

function text({ attributes }: SpanRecord, key: string): string {
  const value = attributes?.[key];
  return typeof value === "string" ? value : "–";
}

function sum(spans: readonly SpanRecord[]): UsageTotals {
  return spans.reduce((total, span) => {
    const usage = chatUsage(span);
    return usage === undefined ? total : addUsage(total, { ...usage, usd: usage.usd, calls: 1 });
  }, noUsage);
}

function rows(spans: readonly SpanRecord[], nameOf: (span: SpanRecord) => string): CostRow[] {
  const groups = [...Map.groupBy(spans, nameOf)].map(([name, own]) => ({ name, ...sum(own) }));
  return groups.toSorted((a, b) => Number(b.usd) - Number(a.usd) || b.inputTokens - a.inputTokens);
}

export function printCosts(output: Output, costs: Costs): void {
  if (costs.total.modelCalls === 0) return output.line(dim("no model was called in this run"));
  for (const [title, list] of [
    ["Models", costs.models],
    ["Agents", costs.agents],
    ["Steps", costs.steps],
  ] as const) {
    heading(output, title);
    printTable(output, columns, [...list]);
  }
  const { total } = costs;
  output.line();
  output.line(["total  ", showTokens(total), " tokens  ", costText(total)]);
  if (total.unpriced === true) output.line(yellow("some calls have no price: give `price` to their models"));
}

const columns: Column<CostRow>[] = [
  { title: "NAME", of: ({ name }) => name, flexible: true },
  { title: "CALLS", of: ({ modelCalls }) => String(modelCalls), side: "right" },
  { title: "IN", of: ({ inputTokens }) => String(inputTokens), side: "right" },
  { title: "CACHED", of: ({ cacheReadTokens }) => String(cacheReadTokens ?? 0), side: "right" },
  { title: "OUT", of: ({ outputTokens }) => String(outputTokens), side: "right" },
  {
    title: "COST",
    of: costText,
    side: "right",
  },
];

/** Tokens and money of one line, as the waterfall shows them at its right. */
export function usageCell(usage: Priced | undefined): string {
  if (usage === undefined) return "";
  return `${showTokens(usage)} ${costText(usage)}`;
}

type Priced = Usage & { readonly usd?: string; readonly unpriced?: true };

/** `$0.12`; `$0.12+?` when some of it has no price, `?` when nothing has. */
function costText({ usd, unpriced }: Priced): string {
  if (usd === undefined || (unpriced === true && Number(usd) === 0)) return "?";
  return `${showUsd(usd)}${unpriced === true ? "+?" : ""}`;
}
