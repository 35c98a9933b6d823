/** Puts dead letters right: their runs' owners send the open tasks again, under the ids they have. */
import type { World } from "@agentflow/host/clock";
import {
  AgentFlowError,
  type InputAnswer,
  type NudgeInput,
  type RedriveAnswer,
  type RedriveBody,
  type RedriveItem,
  type RunId,
  type TenantId,
  instant,
  parseId,
} from "@agentflow/protocol";
import type { DeadLetters, DeadTask, Standing } from "./dead-letters.ts";
import type { Sight } from "./sight.ts";

export interface RedriveParts {
  readonly world: World;
  readonly dead: DeadLetters;
  /** Answered once the input is durable, or changes nothing. */
  readonly submit: (tenant: TenantId, run: RunId, input: NudgeInput) => Promise<InputAnswer>;
}

/** Letters that one call redrives; whoever has more asks again. */
export const redriveMax = 100;

/**
 * Only an attempt that is open is sent again, and under its own id: a task that the queue still holds stays
 * as it is, so doing it twice changes nothing. A letter whose attempt has ended is left alone.
 */
export async function redrive(parts: RedriveParts, sight: Sight, body: RedriveBody): Promise<RedriveAnswer> {
  const { letters, all, pool, run, reason, before, dryRun = false } = body;
  if (letters === undefined && all !== true) {
    throw new AgentFlowError("invalid_input", "which letters? name some, or say `all`", {
      reason: "letters_missing",
      suggestions: ["af debug bus dead"],
    });
  }
  const { tasks, more } = await parts.dead.find(sight, {
    limit: redriveMax,
    ...(letters === undefined ? {} : { letters }),
    ...(pool === undefined ? {} : { pool }),
    ...(run === undefined ? {} : { run }),
    ...(reason === undefined ? {} : { reason }),
    ...(before === undefined ? {} : { before }),
  });
  const missing = letters?.find((number) => !tasks.some(({ newest }) => newest.number === number));
  if (missing !== undefined && !more) {
    throw new AgentFlowError("not_found", `there is no dead letter ${missing}`, {
      reason: "no_such_letter",
      details: { letter: missing },
      suggestions: ["af debug bus dead", "a task that was buried again has a newer letter"],
    });
  }
  const standings = await parts.dead.standings(tasks);
  const told = new Map<string, Promise<RedriveItem["outcome"]>>();
  const items = await Promise.all(
    tasks.map(async (task, i) => {
      const standing = standings[i] ?? { state: "unknown" };
      const { outcome, message } = await outcomeOf(parts, { task, standing, dryRun, told });
      return itemOf(task, standing, { outcome, ...(message === undefined ? {} : { message }) });
    }),
  );
  return { dryRun, items, more };
}

interface One {
  readonly task: DeadTask;
  readonly standing: Standing;
  readonly dryRun: boolean;
  /** A run is asked once, whatever the number of its letters. */
  readonly told: Map<string, Promise<RedriveItem["outcome"]>>;
}

type Outcome = Pick<RedriveItem, "outcome" | "message">;

async function outcomeOf(parts: RedriveParts, { task, standing, dryRun, told }: One): Promise<Outcome> {
  const { tenant, of } = task.newest;
  if (standing.state !== "open" || of === undefined) {
    return { outcome: standing.state === "open" ? "unknown" : standing.state };
  }
  if (dryRun) return { outcome: "would_send" };
  const key = `${tenant} ${of.run}`;
  const asking = told.get(key) ?? ask(parts, tenant, of.run);
  told.set(key, asking);
  try {
    return { outcome: await asking };
  } catch (error) {
    return { outcome: "failed", message: AgentFlowError.from(error, "asking the owner of the run").message };
  }
}

async function ask({ world, submit }: RedriveParts, tenant: TenantId, run: RunId): Promise<"sent"> {
  const id = parseId("input", `redrive-${Buffer.from(world.random.bytes(8)).toString("hex")}`);
  await submit(tenant, run, { kind: "nudge", id, at: instant(world.clock.now()), resend: true });
  return "sent";
}

function itemOf({ newest }: DeadTask, { command }: Standing, outcome: Outcome): RedriveItem {
  const { number, task, tenant, of } = newest;
  const step = newest.step ?? command?.step;
  return {
    letter: number,
    task,
    tenant,
    ...(of === undefined ? {} : { run: of.run }),
    ...(step === undefined ? {} : { step }),
    ...outcome,
  };
}
