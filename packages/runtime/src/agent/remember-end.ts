/** What a loop that has ended leaves for the next one of its session. Never the reason why a step fails. */
import { type TurnState, costOf, messagesOf } from "@agentflow/core/turn";
import type { Message, Value } from "@agentflow/protocol";
import { remember } from "../memory/session.ts";
import type { LoopOptions } from "./loop-types.ts";
import { callModel } from "./model-call.ts";
import { modelAgent, modelNamed } from "./rules.ts";
import type { Scene } from "./scene.ts";

export interface EndOptions extends LoopOptions {
  readonly scene: Scene;
  readonly output: Value;
}

export async function rememberEnd(state: TurnState, of: EndOptions): Promise<void> {
  const { drive, agent, step } = of;
  const { house, task, values } = drive;
  if (state.kind === "absent" || state.started.session === undefined) return;
  const { session } = state.started;
  const memory = agent.agent.memory ?? { window: 0, summary: false };
  try {
    await values.load(state.started.messages);
    const asked = messagesOf({ ...state, entries: [] }, (value) => values.known(value)).findLast(
      ({ role }) => role === "user",
    );
    const answered = answerText(await values.load(of.output));
    const messages = [asked, answered].filter((message) => message !== undefined).map(bounded);
    await remember(
      { by: `${task.run}:${step}`, messages },
      {
        log: house.bus.log,
        name: { tenant: task.tenant, agent: state.started.agent, session },
        window: memory.window,
        ...(memory.summary ? { sumUp: (before, leaving) => sumUp({ before, leaving }, of) } : {}),
      },
    );
  } catch (error) {
    house.log.warn("a session's memory could not be kept", { agent: agent.name, error: String(error) });
  }
}

const textCharsMax = 32_000;

function bounded(message: Message): Message {
  return message.role === "user" ? { ...message, text: message.text.slice(0, textCharsMax) } : message;
}

function answerText(output: unknown): Message {
  const isText = typeof output === "object" && output !== null && "text" in output;
  const text = isText && typeof output.text === "string" ? output.text : JSON.stringify(output);
  return { role: "assistant", parts: [{ kind: "text", text: text.slice(0, textCharsMax) }] };
}

/** One call of the agent's own model. No journal holds it: lost with the attempt, it is not counted. */
async function sumUp(
  of: { readonly before: string | undefined; readonly leaving: readonly Message[] },
  { scene, agent, account, drive }: EndOptions,
): Promise<string> {
  const manifest = drive.house.manifest();
  const name = agent.agent.model;
  if (manifest === undefined || modelAgent(manifest, agent.name) === undefined) return of.before ?? "";
  const definition = modelNamed(manifest, name, agent.name);
  const end = await callModel(scene, {
    name,
    definition,
    n: account.total().modelCalls + 1,
    request: async () => ({ messages: summaryRequest(of), tools: [] }),
    signal: drive.lost,
  });
  if (end?.kind !== "replied") return of.before ?? "";
  const { usage, parts } = end.reply;
  const price = definition.price ?? drive.house.priceOf(definition);
  account.addBeside({
    ...usage,
    modelCalls: 1,
    toolCalls: 0,
    usd: price === undefined ? "0" : costOf(price, usage),
    ...(price === undefined ? { unpriced: true } : {}),
  });
  const text = parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
  return drive.house.masks.text(text.slice(0, textCharsMax));
}

function summaryRequest(of: {
  readonly before: string | undefined;
  readonly leaving: readonly Message[];
}): readonly Message[] {
  const said = of.leaving.map((message) => JSON.stringify(message)).join("\n");
  const before = of.before === undefined ? "" : `So far:\n${of.before}\n\n`;
  return [
    {
      role: "system",
      text:
        "You keep the memory of a conversation. Sum up what was said so that it can go on: facts, wishes, " +
        "decisions, open questions. Answer with the summary alone.",
    },
    { role: "user", text: `${before}What is to be added:\n${said}` },
  ];
}
