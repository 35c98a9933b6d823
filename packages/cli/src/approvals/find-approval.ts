/** Which approval a person means: its id, the unique beginning of it, or its run when that asks once. */
import { AgentFlowError, type ApprovalView } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { resolveRun } from "../runs/resolve-run.ts";

const whole = /^r[0-9a-z]{26}-[1-9][0-9]{0,8}$/;
const listedMax = 200;

/** As it stands now; whether a whole id exists is for the installation to say. */
export async function findApproval(client: Client, text: string): Promise<ApprovalView> {
  if (whole.test(text)) return client.approvals.get(text);
  const isRun = text === "@last" || /^r[0-9a-z]{26}$/.test(text);
  const run = isRun ? await resolveRun(client, text) : undefined;
  const status = "open";
  const { approvals } = await client.approvals.list({
    status,
    limit: listedMax,
    ...(run === undefined ? {} : { run }),
  });
  const meant = run === undefined ? approvals.filter(({ approval }) => approval.startsWith(text)) : approvals;
  const [only, second] = meant;
  if (only === undefined) throw run === undefined ? none(text) : nothingAsked(run);
  if (second === undefined) return only;
  throw new AgentFlowError("invalid_input", `${meant.length} open approvals begin with ${text}`, {
    reason: "ambiguous_id",
    suggestions: meant.slice(0, 3).map(({ approval, shown }) => `${approval}  (${shown.uses})`),
  });
}

function nothingAsked(run: string): AgentFlowError {
  return new AgentFlowError("not_found", `run ${run} asks nobody now`, {
    reason: "no_such_approval",
    suggestions: [`what was answered: af approvals list --run ${run} --status decided`, `af why ${run}`],
  });
}

function none(text: string): AgentFlowError {
  const shown = JSON.stringify(text.slice(0, 80));
  return new AgentFlowError("not_found", `no approval that is open begins with ${shown}`, {
    reason: "no_such_approval",
    suggestions: ["af approvals list", "af approvals list --status decided"],
  });
}
