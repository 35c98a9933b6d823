/** Tools and agents as people read them. */
import { type AgentSpec, type CallableView, showDuration } from "@agentflow/protocol";
import type { Output } from "./output/output.ts";
import { printSchema } from "./output/schema-table.ts";
import { printRecord, printTable } from "./output/table.ts";
import { cyan } from "./output/text.ts";

export function printCallables(
  output: Output,
  of: { readonly items: readonly CallableView[]; readonly kind: "tool" | "agent" },
): void {
  if (of.items.length === 0) {
    output.say([`No ${of.kind}s: no worker has loaded one. `, cyan("af worker list"), " shows the workers"]);
    return;
  }
  printTable(
    output,
    [
      { title: of.kind.toUpperCase(), of: ({ name }) => name },
      { title: "EFFECT", of: ({ effect }) => effect },
      { title: "WORKERS", of: ({ workers }) => String(workers.length), side: "right" },
      { title: "FILE", of: ({ file }) => file },
      { title: "WHAT", of: ({ description }) => description, flexible: true },
    ],
    of.items,
  );
}

export function printCallable(output: Output, item: CallableView): void {
  printRecord(output, [
    ["name", item.name],
    ["what", item.description],
    ["effect", item.effect],
    ["file", item.file],
    ...(item.agent === undefined ? [] : agentRows(item.agent)),
    ["timeout", item.timeoutMs === undefined ? undefined : showDuration(item.timeoutMs)],
    ["workers", item.workers.join(", ") || "none"],
  ]);
  printSchema(output, "Input", item.input);
  printSchema(output, "Output", item.output);
}

/** What a model is asked, may do and may use up; instructions stand in the agent's file. */
function agentRows({
  model,
  tools,
  agents,
  handoffs,
  limits,
  memory,
}: AgentSpec): [string, string | undefined][] {
  const listed = tools.map(({ tool, approval }) =>
    approval === undefined ? tool : `${tool} (asks a person)`,
  );
  const { turns, tokens, usd, timeMs } = limits;
  const at = [
    `${turns} ${turns === 1 ? "turn" : "turns"}`,
    tokens === undefined ? undefined : `${tokens} tokens`,
    usd === undefined ? undefined : `$${usd}`,
    timeMs === undefined ? undefined : showDuration(timeMs),
  ].filter((limit) => limit !== undefined);
  return [
    ["model", model],
    ["tools", listed.join(", ") || "none"],
    ["agents", agents.join(", ") || undefined],
    ["handoffs", handoffs.join(", ") || undefined],
    ["limits", at.join(", ")],
    ["memory", memory === undefined ? undefined : memoryText(memory)],
  ];
}

function memoryText({ session, window, summary }: NonNullable<AgentSpec["memory"]>): string {
  return `${session}, the last ${window} messages${summary ? " and a summary of what was before" : ""}`;
}
