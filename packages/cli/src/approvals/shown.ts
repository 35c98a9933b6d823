/** An approval word for word: what is asked, by whom, and exactly what would be done. Nothing is cut. */
import type { ApprovalStatus, ApprovalView, Json } from "@agentflow/protocol";
import { type Style, type Text, bold, cyan, dim } from "../output/text.ts";
import { visibleJson } from "../output/visible.ts";
import { ago } from "../output/when.ts";

export function approvalLines(view: ApprovalView, nowMs: number): Text[] {
  const { approval, run, workflow, step, call, status, shown, requestedAt, expiresAt, hash } = view;
  const rows: (readonly [string, Text | undefined])[] = [
    ["approval", bold(approval)],
    ["status", approvalStatus(status)],
    ["run", `${run}  ${workflow}`],
    ["step", step],
    ["asked by", call === undefined ? "the workflow" : `the step's agent, call ${call}`],
    ["asked", `${ago(requestedAt, nowMs)}  (${requestedAt})`],
    [
      "expires",
      status === "open" ? `${ago(expiresAt, nowMs)}  (${expiresAt}), then it counts as denied` : undefined,
    ],
    ["decided", decided(view, nowMs)],
    ["comment", view.comment],
    ["why", shown.text],
    ["does", bold(shown.uses)],
    ["effect", shown.effect === undefined ? undefined : effectText(shown.effect)],
    ["hash", dim(hash)],
  ];
  const told = rows.filter((row) => row[1] !== undefined);
  const width = Math.max(...told.map(([key]) => key.length));
  return [
    ...told.map(([key, value]): Text => [dim(key.padEnd(width)), "  ", value ?? ""]),
    "",
    bold("Arguments"),
    ...argumentLines(shown.input),
  ];
}

export function approvalStatus(status: ApprovalStatus): Text {
  return { style: styles[status], text: status };
}

const styles: { readonly [Status in ApprovalStatus]: Style } = {
  open: "yellow",
  approved: "green",
  denied: "red",
  expired: "red",
  withdrawn: "dim",
};

function effectText(effect: string): Text {
  return effect === "irreversible" ? { style: "red", text: "irreversible: it cannot be taken back" } : effect;
}

function decided({ decidedAt, by, status }: ApprovalView, nowMs: number): string | undefined {
  if (decidedAt === undefined) return undefined;
  const who = by === undefined ? "" : ` by ${by}`;
  return `${status}${who} ${ago(decidedAt, nowMs)}  (${decidedAt})`;
}

/** An object's keys below each other; texts of several lines as they are, each behind a bar. */
function argumentLines(input: Json): Text[] {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return valueLines(input, "  ");
  const entries = Object.entries(input);
  if (entries.length === 0) return [dim("  none")];
  const width = Math.min(20, Math.max(...entries.map(([key]) => key.length)));
  return entries.flatMap(([key, value]): Text[] => {
    const [first = "", ...rest] = valueLines(value, "  ");
    if (rest.length === 0) return [["  ", cyan(key.padEnd(width)), "  ", first]];
    return [["  ", cyan(key)], ...[first, ...rest].map((line): Text => ["    ", line])];
  });
}

/** Each line of a text stands behind a bar: nothing in it can pass for something else that is shown. */
function valueLines(value: Json, indent: string): Text[] {
  if (typeof value === "string" && value.includes("\n")) {
    return value.split("\n").map((line): Text => [dim("│ "), line]);
  }
  const text = visibleJson(value, 2);
  const lines = text.split("\n");
  return lines.length === 1 ? [text] : lines.map((line): Text => [indent, line]);
}
