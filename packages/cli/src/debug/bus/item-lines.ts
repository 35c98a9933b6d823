/** A record of the bus as lines for people. */
import type { BusItem, BusTailItem } from "@agentflow/protocol";
import { showBytes } from "../../output/size.ts";
import { bold, cyan, dim, type Text, yellow } from "../../output/text.ts";
import { ago, clockTime } from "../../output/when.ts";

/** What it is on the first line, what stands in it below. `raw`: as JSON on one line. */
export function itemLines(
  item: BusItem,
  { nowMs, raw }: { readonly nowMs: number; readonly raw: boolean },
): Text[] {
  const { subject, id, revision, at, state, holder, deliveries, bytes } = item;
  const facts = [
    ...(revision === undefined ? [] : [`revision ${revision}`]),
    ...(at === undefined ? [] : [ago(at, nowMs)]),
    ...(state === undefined ? [] : [holder === undefined ? state : `${state} by ${holder}`]),
    ...(deliveries === undefined || deliveries === 0 ? [] : [`handed out ${deliveries}×`]),
    showBytes(bytes),
  ];
  return [
    [bold(id ?? subject), id === undefined ? "" : dim(`  ${subject}`), dim(`  ${facts.join(", ")}`)],
    ...bodyLines(item, raw).map((line): Text => ["  ", line]),
  ];
}

/** One line: when, what, where, and the beginning of what stands in it. */
export function tailLine(item: BusTailItem): Text {
  const { at, kind, run, step, id, subject } = item;
  const what = [run, step, kind === "inputs" || run === undefined ? id : undefined].filter(
    (one) => one !== undefined,
  );
  return [
    dim(at === undefined ? "" : clockTime(at)),
    " ",
    cyan(kind.padEnd(9)),
    " ",
    bold(what.length === 0 ? subject : what.join(" ")),
    "  ",
    bodyText(item),
  ];
}

function bodyLines(item: BusItem, raw: boolean): Text[] {
  const { body } = item;
  if (body === undefined || raw) return [bodyText(item)];
  if (typeof body === "string") return [body];
  return (JSON.stringify(body, undefined, 2) ?? "").split("\n");
}

function bodyText({ body, cut, withheld, bytes }: BusItem): Text {
  if (withheld === "secret") return yellow("withheld: it holds keys");
  if (withheld === "other_tenant") return yellow("withheld: another tenant's (scope backup)");
  if (cut !== undefined) return [cut, dim(` … cut at ${cut.length} of ${bytes} bytes: --bytes N`)];
  return typeof body === "string" ? body : (JSON.stringify(body) ?? "");
}
