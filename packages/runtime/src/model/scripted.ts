/** The model `scripted`: it answers by a file of rules of the project, without any network. */
import {
  AgentFlowError,
  type ModelFailureCode,
  type ModelReply,
  type ScriptFailure,
} from "@agentflow/protocol";
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ModelCall } from "../channel/model-messages.ts";
import type { CallHouse } from "./call-house.ts";
import { checkedReply } from "./check-reply.ts";
import { ModelError } from "./model-error.ts";
import { cutShort } from "./read-stream.ts";
import {
  type Player,
  type ScriptAnswer,
  autoScript,
  beatsOf,
  createPlayer,
  parseScript,
} from "./script/index.ts";

export type Scripted = (call: ModelCall, house: CallHouse) => Promise<ModelReply>;

/** Where the script lies when a model names none; without it the model answers by itself. */
const usualScript = "prompts/script.yaml";
const scriptBytesMax = 4 * 1024 * 1024;

/** Each script is read once: a project that changes is loaded by another runner. */
export function createScripted(projectDir: string): Scripted {
  const players = new Map<string, Player>();
  return async (call, house) => {
    const file = call.model.script || usualScript;
    const player = players.get(file) ?? playerOf(projectDir, file, Boolean(call.model.script));
    players.set(file, player);
    const answer = player.answer({ ...call.request, model: call.model.model }, call.run);
    return play(answer, house);
  };
}

function playerOf(projectDir: string, file: string, named: boolean): Player {
  const absolute = path.resolve(projectDir, file);
  if (!absolute.startsWith(`${projectDir}${path.sep}`)) {
    throw new ModelError("model_bad_request", `its script ${file} is not below the project`);
  }
  if (!existsSync(absolute)) {
    if (!named) return createPlayer(autoScript, "the built-in script");
    throw new ModelError(
      "model_bad_request",
      `its script ${file} does not exist; write it or remove script:`,
    );
  }
  if (statSync(absolute).size > scriptBytesMax) {
    throw new ModelError(
      "model_bad_request",
      `its script ${file} is over ${scriptBytesMax / 1024 / 1024} MiB`,
    );
  }
  try {
    return createPlayer(parseScript(readFileSync(absolute, "utf8"), file), file);
  } catch (error) {
    if (!AgentFlowError.is(error)) throw error;
    throw new ModelError("model_bad_request", error.message, { cause: error });
  }
}

async function play(answer: ScriptAnswer, house: CallHouse): Promise<ModelReply> {
  if (answer.kind === "failure") throw failureOf(answer);
  if (answer.kind === "hang") return hang(house.signal);
  for (const beat of beatsOf(answer)) {
    house.signal.throwIfAborted();
    house.alive();
    if (beat.kind === "wait") await delay(beat.ms, undefined, { signal: house.signal });
    else if (beat.kind === "cut") throw cutShort();
    else if (beat.kind === "malformed") throw new ModelError("model_malformed", "what came is no JSON");
    else if (beat.kind === "begin" && beat.part.kind === "call") {
      house.piece({ kind: "call", tool: beat.part.tool });
    } else if (beat.kind === "delta" && beat.part.kind !== "call") {
      house.piece({ kind: beat.part.kind, text: beat.text });
    }
  }
  return checkedReply(answer.reply);
}

function hang(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const give = (): void => reject(new ModelError("model_timeout", "it hung"));
    if (signal.aborted) give();
    else signal.addEventListener("abort", give, { once: true });
  });
}

const codes: { readonly [K in ScriptFailure]: ModelFailureCode } = {
  auth: "model_auth",
  forbidden: "model_auth",
  model_not_found: "model_not_found",
  bad_request: "model_bad_request",
  context_overflow: "model_context_overflow",
  rate_limit: "model_rate_limited",
  overloaded: "model_unavailable",
  server_error: "model_unavailable",
};

function failureOf(answer: Extract<ScriptAnswer, { kind: "failure" }>): ModelError {
  const { failure, status, message, retryAfterMs } = answer;
  return new ModelError(codes[failure], message, {
    details: { status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  });
}
