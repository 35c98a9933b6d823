/** What the recorded installation answers to `af debug`: journal and plan of any run, an inspector. */
import type { JournalPage, Plan } from "@agentflow/protocol";
import { agentRun } from "../src/debug/fixtures/agent-run.ts";

export const inspectorUrl = "ws://127.0.0.1:9229/1b2c";

const plan: Plan = {
  v: 1,
  kind: "plan",
  workflow: "hello",
  version: "0123456789ab",
  planner: "static",
  steps: {},
  output: null,
};

/** Undefined for what is none of ours. */
export function debugAnswer(method: string, url: URL): unknown {
  const [, , kind, name = "", what] = url.pathname.split("/").map(decodeURIComponent);
  if (kind === "runs" && what === "plan") return plan;
  if (kind === "runs" && what === "journal") return pageOf(name, url.searchParams.get("after"));
  if (kind === "workers" && what === "inspect" && method === "POST")
    return { worker: name, url: inspectorUrl };
  return undefined;
}

/** In two pages, so that whoever reads it must ask twice. */
function pageOf(run: string, after: string | null): JournalPage {
  const all = agentRun().journals.map((view) => ({ ...view, run }));
  return after === null ? { records: all.slice(0, 2), cursor: "j2" } : { records: all.slice(2) };
}
