/** The table of docs/guide/kubernetes.md, against which what is said is held. */
import { type AgentFlowError, errorTable, exitCodes } from "@agentflow/protocol";
import { readFileSync } from "node:fs";
import { expect } from "vitest";

const guide = readFileSync(new URL("../../../../docs/guide/kubernetes.md", import.meta.url), "utf8");
const section = /### When it does not work\n([^]*?)\n#/.exec(guide)?.[1] ?? "";

export interface GuideRow {
  readonly what: string;
  readonly message: string;
  readonly exit: number;
}

export const guideRows: readonly GuideRow[] = [
  ...section.matchAll(/^\| ([^|]+) \| ([^|]+) \| (\d+) \| ([^|]*) ?\|$/gm),
].map(([, what = "", message = "", exit]) => ({ what, message, exit: Number(exit) }));

/** `…` of the table stands for whatever is there. */
function like(message: string): RegExp {
  const escaped = message.replaceAll(/[.*+?^${}()[\]\\]/g, "\\$&");
  return new RegExp(escaped.replaceAll("…", "[^]*"));
}

/** Message and exit code are those of the row. */
export function asTheGuideSays(what: string, error: AgentFlowError): void {
  const row = guideRows.find((one) => one.what === what);
  if (row === undefined) throw new Error(`the guide has no row "${what}"`);
  expect(error.message).toMatch(like(row.message));
  const { historyIncompatible, interrupted } = exitCodes;
  const own = { history_incompatible: historyIncompatible, interrupted };
  const found = Object.entries(own).find(([reason]) => reason === error.reason);
  expect(found?.[1] ?? errorTable[error.code].exit).toBe(row.exit);
  expect(error.suggestions).not.toEqual([]);
}
