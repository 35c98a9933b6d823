/** An attempt of an agent's step: its loop is driven here, and ends with one report like any other. */
import { type Outcome, instant, showDuration, toFailure } from "@agentflow/protocol";
import { type DriveEnd, openDrive } from "../agent/drive.ts";
import type { ModelAgent } from "../agent/rules.ts";
import { createValues } from "../agent/values.ts";
import { reportResult } from "./attempt-report.ts";
import type { AttemptEnd, AttemptHouse, OpenAttempt } from "./open-attempt.ts";
import { outcomeOfValue } from "./values.ts";

export async function runDriven(
  attempt: OpenAttempt,
  agent: ModelAgent,
  house: AttemptHouse,
): Promise<AttemptEnd> {
  const { task, lost } = attempt;
  const startedAt = instant(house.clock.now());
  const started = house.clock.monotonic();
  const limitMs = task.timeoutMs ?? house.agentTimeoutMs(agent);
  const drive = openDrive({ house: house.agents, task, agent, lost: lost.signal, timeoutMs: limitMs });
  attempt.limitMs = limitMs;
  attempt.deadlineMs = started + limitMs;
  attempt.running = {
    end: drive.end.then(() => ({ kind: "lost", reason: "driven" })),
    code: house.agents.manifest()?.code ?? "",
    stop() {
      const message = `no answer within its timeout of ${showDuration(limitMs)}`;
      drive.stop({ code: "timeout", message });
    },
    kill: (reason) => drive.kill(reason),
  };
  const end = await drive.end;
  if (end.kind === "lost") return "lost";
  if (end.kind === "fenced") {
    // Whoever took the journal over is the newer attempt: to the run this one is settled.
    await attempt.delivery.ack();
    return "fenced";
  }
  attempt.delivery.reporting();
  const outcome = await outcomeOfDrive(end, attempt, house);
  const ms = Math.max(0, Math.round(house.clock.monotonic() - started));
  const { usage, code = attempt.running.code } = end;
  const facts = {
    startedAt,
    ms,
    ...(usage === undefined ? {} : { usage }),
    ...(code === "" ? {} : { code }),
  };
  const answer = await reportResult(attempt, { outcome, facts }, house);
  if (answer === undefined) return "lost";
  await attempt.delivery.ack();
  return answer.kind === "accepted" ? "reported" : "refused";
}

async function outcomeOfDrive(
  end: Exclude<DriveEnd, { readonly kind: "lost" | "fenced" }>,
  { task }: OpenAttempt,
  house: AttemptHouse,
): Promise<Outcome> {
  switch (end.kind) {
    case "failed":
      return { kind: "failed", failure: end.failure, retryable: end.retryable };
    case "suspended":
      return { kind: "suspended", asks: end.asks };
    case "interrupted":
      return { kind: "lost", reason: end.reason };
    default:
      break;
  }
  try {
    const values = createValues({ blobs: house.blobs, tenant: task.tenant, run: task.run });
    const whole = task.select === undefined ? null : await values.load(end.output);
    return await outcomeOfValue({ output: end.output, whole }, task, house);
  } catch (error) {
    return { kind: "lost", reason: `output_not_read: ${toFailure(error).message}` };
  }
}
