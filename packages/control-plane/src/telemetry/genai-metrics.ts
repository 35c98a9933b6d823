/** Metrics of models, agents and tools by the GenAI conventions, from their spans as they come. */
import { attributeNames as names, metricNames } from "@agentflow/host/spans";
import type { HistogramCell, Metrics, WithLabels } from "@agentflow/host/metrics";
import type { Json, SpanRecord } from "@agentflow/protocol";

/** Those that the conventions advise, in seconds. */
const seconds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const ofModel = { provider: 12, model: 40 };

/** Takes each span once; those that are none of theirs cost a look at one attribute. */
export function countGenAi(metrics: Metrics): (span: SpanRecord) => void {
  const histogram = (name: string, help: string, labels: { readonly [label: string]: number }) =>
    metrics.histogram({ name, help, labels, buckets: seconds });
  const tokens = (name: string, what: string) =>
    metrics.counter({ name, help: `${what} of model calls that were answered.`, labels: ofModel });
  const chats = histogram(
    metricNames.inference,
    "Model calls, from the question to the whole answer.",
    ofModel,
  );
  const first = histogram(metricNames.firstChunk, "Model calls, until the first piece.", ofModel);
  const agents = histogram(metricNames.agent, "Loops of agents, by attempt.", { agent: 100 });
  const tools = histogram(metricNames.tool, "Calls of tools by agents.", { tool: 150 });
  const counters = [
    [names.inputTokens, tokens(metricNames.inputTokens, "Tokens in")],
    [names.outputTokens, tokens(metricNames.outputTokens, "Tokens out")],
    [names.cacheReadTokens, tokens(metricNames.cacheReadTokens, "Tokens read from a cache")],
    [names.cacheWriteTokens, tokens(metricNames.cacheWriteTokens, "Tokens written to a cache")],
    [names.reasoningTokens, tokens(metricNames.reasoningTokens, "Tokens of reasoning")],
  ] as const;
  const observe = (cells: WithLabels<HistogramCell>, labels: { [label: string]: string }, ms: number): void =>
    cells.of(labels).observe(ms / 1000);

  return ({ attributes = {}, ms }) => {
    const operation = attributes[names.operation];
    if (operation === "invoke_agent") observe(agents, { agent: text(attributes[names.agentName]) }, ms);
    if (operation === "execute_tool") observe(tools, { tool: text(attributes[names.toolName]) }, ms);
    if (operation !== "chat") return;
    const provider = text(attributes[names.provider]);
    const labels = { provider, model: text(attributes[names.requestModel]) };
    observe(chats, labels, ms);
    const until = attributes[names.firstChunk];
    if (typeof until === "number") first.of(labels).observe(until);
    for (const [name, counter] of counters) counter.of(labels).add(count(attributes[name]));
  };
}

function text(value: Json | undefined): string {
  return typeof value === "string" && value !== "" ? value : "unknown";
}

function count(value: Json | undefined): number {
  return typeof value === "number" && value > 0 ? value : 0;
}
