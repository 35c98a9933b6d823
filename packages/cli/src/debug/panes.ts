/** What can be looked at of a run at one of its events: as data for scripts, and as lines for people. */
import type { Json, Message, ReplyPart } from "@agentflow/protocol";
import { type Text, bold, cyan, dim, green, red, yellow } from "../output/text.ts";
import type { AgentView } from "./agent-view.ts";
import { difference } from "./difference.ts";
import { toJson } from "./parse-json.ts";
import type { Replay } from "./state.ts";
import { showTokens, showUsd } from "./usage.ts";

export const paneNames = ["event", "state", "prompt", "messages", "calls", "usage", "diff"] as const;
export type PaneName = (typeof paneNames)[number];

/** As `--print` gives it; null where there is nothing of the kind at this point. */
export function paneData(replay: Replay, n: number, pane: PaneName): Json {
  const agent = (): AgentView | undefined => replay.agentAt(n)?.view;
  switch (pane) {
    case "event":
      return toJson(replay.entries[n - 1] ?? null);
    case "state":
      return toJson(replay.stateAt(n));
    case "prompt":
      return toJson(agent()?.prompt ?? null);
    case "messages":
      return toJson(agent()?.messages ?? null);
    case "calls":
      return toJson(agent()?.calls ?? null);
    case "usage": {
      const { usage, agents } = replay.stateAt(n);
      const each = Object.entries(agents).map(([step, view]) => [step, view.usage] as const);
      return toJson({ run: usage, agents: Object.fromEntries(each) });
    }
    default:
      return toJson(difference(toJson(replay.stateAt(n - 1)), toJson(replay.stateAt(n))));
  }
}

/** Lines of any length: whoever shows them cuts or wraps them. */
export function paneLines(replay: Replay, n: number, pane: PaneName): Text[] {
  switch (pane) {
    case "event":
      return jsonLines(paneData(replay, n, "event"));
    case "state":
      return stateLines(replay, n);
    case "prompt":
    case "messages":
      return messageLines(replay, n, pane);
    case "calls":
      return callLines(replay, n);
    case "usage":
      return usageLines(replay, n);
    default:
      return diffLines(replay, n);
  }
}

const noAgent = dim("no agent has begun yet");

function stateLines(replay: Replay, n: number): Text[] {
  const { status, steps, agents } = replay.stateAt(n);
  const lines: Text[] = [["run  ", bold(status)], ""];
  for (const [step, { uses, status: how, attempt, failure, output }] of Object.entries(steps)) {
    const tries = attempt === undefined || attempt < 2 ? "" : dim(` attempt ${attempt}`);
    lines.push([bold(step), "  ", toned(how), tries, dim(`  ${uses}`)]);
    if (failure !== undefined) lines.push(["    ", red(failure)]);
    if (output !== undefined) lines.push(["    ", JSON.stringify(output)]);
  }
  for (const [step, { agent, model, turn, status: how, calls }] of Object.entries(agents)) {
    lines.push("", [bold(agent), dim(` in ${step}, turn ${turn}, ${model}: `), how]);
    for (const { call, tool, status: stage } of calls)
      lines.push(["    ", call, " ", cyan(tool), "  ", toned(stage)]);
  }
  return lines;
}

function toned(status: string): Text {
  if (/^(succeeded|completed|returned|finished|approved)/.test(status)) return green(status);
  if (/^(failed|refused|denied|outcome|lost)/.test(status)) return red(status);
  return /^(waiting|asking|unknown|retrying|waits)/.test(status) ? yellow(status) : status;
}

function messageLines(replay: Replay, n: number, pane: "prompt" | "messages"): Text[] {
  const found = replay.agentAt(n);
  if (found === undefined) return [noAgent];
  const { step, view } = found;
  const head = dim(`${view.agent} in ${step}, turn ${view.turn}`);
  const messages = view[pane];
  if (messages.length === 0) return [head, dim("the model has not been called yet")];
  return [head, ...messages.flatMap((message) => ["", ...linesOf(message)])];
}

function linesOf(message: Message): Text[] {
  switch (message.role) {
    case "system":
    case "user":
      return [bold(cyan(message.role)), ...textLines(message.text)];
    case "assistant":
      return [bold(cyan("assistant")), ...message.parts.flatMap(partLines)];
    default:
      return [
        bold(cyan("tool")),
        ...message.results.flatMap(({ tool, output, failed }) => [
          [failed === true ? red("✗ ") : green("← "), tool],
          ...jsonLines(output).map((line): Text => ["  ", line]),
        ]),
      ];
  }
}

function partLines(part: ReplyPart): Text[] {
  if (part.kind === "text") return textLines(part.text);
  if (part.kind === "reasoning") return textLines(part.text).map(dim);
  const given = part.input === undefined ? textLines(part.text ?? "") : jsonLines(part.input);
  return [[yellow("→ "), part.tool], ...given.map((line): Text => ["  ", line])];
}

function callLines(replay: Replay, n: number): Text[] {
  const found = replay.agentAt(n);
  if (found === undefined) return [noAgent];
  const { step, view } = found;
  if (view.calls.length === 0) return [dim(`${view.agent} in ${step} has asked for no call yet`)];
  return view.calls.flatMap(({ call, tool, status, effect, key, ms, input, output, failure, sandbox }) => [
    [bold(call), " ", cyan(tool), "  ", toned(status), dim(ms === undefined ? "" : `  ${ms} ms`)],
    ...(effect === undefined ? [] : [[dim(`  effect ${effect}, key `), key ?? ""]]),
    ...(sandbox === undefined ? [] : [dim(`  in a sandbox: ${sandbox}`)]),
    dim("  arguments"),
    ...jsonLines(input).map((line): Text => ["    ", line]),
    ...(output === undefined
      ? []
      : [dim("  output"), ...jsonLines(output).map((line): Text => ["    ", line])]),
    ...(failure === undefined ? [] : [red(`  ${failure}`)]),
    "",
  ]);
}

function usageLines(replay: Replay, n: number): Text[] {
  const { usage, agents } = replay.stateAt(n);
  const row = (name: string, of: typeof usage): Text => [
    bold(name),
    `  ${several(of.modelCalls, "model call")}, ${several(of.toolCalls, "tool call")}, `,
    `${showTokens(of)} tokens, `,
    showUsd(of.usd),
    of.unpriced === true ? yellow("  some of it has no price") : "",
  ];
  return [row("run", usage), "", ...Object.entries(agents).map(([step, view]) => row(step, view.usage))];
}

function several(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function diffLines(replay: Replay, n: number): Text[] {
  const changes = difference(toJson(replay.stateAt(n - 1)), toJson(replay.stateAt(n)));
  if (changes.length === 0) return [dim("nothing that the state shows")];
  return changes.flatMap(({ path, before, after }) => [
    bold(path),
    ...(before === undefined ? [] : [red(`- ${JSON.stringify(before)}`)]),
    ...(after === undefined ? [] : [green(`+ ${JSON.stringify(after)}`)]),
  ]);
}

function jsonLines(value: Json): string[] {
  return JSON.stringify(value, undefined, 2).split("\n");
}

/** A line feed in a text is a line here; every other control character stays to be seen. */
function textLines(text: string): Text[] {
  return text.split(/\r?\n/);
}
