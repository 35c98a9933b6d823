/** What an attempt brings when the loop has not started yet: the first messages, memory among them. */
import type { Json, Value } from "@agentflow/protocol";
import { toJson } from "../channel/parse-json.ts";
import { recall, recalledMessages } from "../memory/session.ts";
import type { Drive } from "./house.ts";
import { maskedMessages } from "./masked-input.ts";
import type { ModelAgent } from "./rules.ts";
import { type Scope, instructionsOf, promptOf, sessionOf, startMessages } from "./start-messages.ts";

export interface Beginning {
  readonly messages: Value;
  readonly session?: string;
}

export interface BeginOptions {
  readonly drive: Drive;
  readonly agent: ModelAgent;
  readonly input: Json;
}

export async function beginning({ drive, agent, input }: BeginOptions): Promise<Beginning> {
  const { house, task, values } = drive;
  const scope = scopeOf(drive, input);
  const session = await sessionOf(agent, scope, house.fillIn);
  const remembered =
    session === undefined
      ? []
      : recalledMessages(await recall(house.bus.log, { tenant: task.tenant, agent: agent.name, session }));
  const messages = startMessages({
    instructions: await instructionsOf(agent, scope, house.fillIn),
    remembered,
    prompt: await promptOf(agent, scope, house.fillIn),
  });
  // Masked before it is stored: a blob is as lasting as a record.
  const stored = await values.store(toJson(maskedMessages(messages, house.masks)));
  return { messages: stored, ...(session === undefined ? {} : { session }) };
}

export function scopeOf({ task }: Drive, input: Json): Scope {
  return { input, run: { id: task.run, workflow: task.workflow } };
}
