import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { AgentFlowError } from "@agentflow/protocol";
import { parseReadReply } from "./parse-read-message.ts";
import { answerCall, type ReadCall, type ReadCalls } from "./read-calls.ts";
import { ReadModel } from "./read-model.ts";

/** The read model behind promises. Calls are carried out in the order in which they were made. */
export interface ReadStore {
  call<K extends ReadCall>(name: K, ask: ReadCalls[K]["ask"]): Promise<ReadCalls[K]["answer"]>;
  close(): Promise<void>;
}

/**
 * ":memory:" stays in this thread (virtual time knows no threads); a folder gets a thread and `read.db`.
 * `onDamaged` is told, before the caller is, that a call met a damaged file: until `reset` others may, too.
 */
export function openReadStore(folder: string, onDamaged: () => void = () => undefined): ReadStore {
  return folder === ":memory:" ? openHere() : openThread(join(folder, "read.db"), onDamaged);
}

function openHere(): ReadStore {
  const model = new ReadModel(":memory:");
  let closed = false;
  return {
    // Promises settle as those of the thread do: never before the call has returned.
    call: async (name, ask) => {
      if (closed) throw gone();
      try {
        return answerCall(model, name, ask);
      } catch (error) {
        throw failed(name, error instanceof Error ? error.message : String(error));
      }
    },
    close: async () => {
      if (closed) return;
      closed = true;
      model.close();
    },
  };
}

/** A method on purpose: the answer's type is that of the call it belongs to. */
interface Waiting {
  readonly name: ReadCall;
  resolve(answer: unknown): void;
  reject(error: AgentFlowError): void;
}

function openThread(path: string, onDamaged: () => void): ReadStore {
  const file = import.meta.url.endsWith(".ts") ? "./read-thread.ts" : "./read-thread.js";
  const thread = new Worker(new URL(file, import.meta.url), {
    workerData: { path },
    name: "read-model",
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  });
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let broken: AgentFlowError | undefined;
  const breakDown = (error: AgentFlowError): void => {
    broken ??= error;
    for (const asked of waiting.values()) asked.reject(broken);
    waiting.clear();
  };
  thread.on("message", (message: unknown) => {
    const reply = parseReadReply(message);
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.ok) return asked?.resolve(reply.answer);
    if (reply.damaged) onDamaged();
    asked?.reject(reply.damaged ? damaged(asked.name, reply.message) : failed(asked.name, reply.message));
  });
  thread.on("error", (error) => breakDown(AgentFlowError.from(error, "the read model's thread")));
  const ended = new Promise<void>((resolve) => {
    thread.on("exit", () => {
      breakDown(gone());
      resolve();
    });
  });
  return {
    call: (name, ask) =>
      new Promise((resolve, reject) => {
        if (broken !== undefined) return reject(broken);
        const id = nextId++;
        waiting.set(id, { name, resolve, reject });
        thread.postMessage({ id, name, ask });
      }),
    close: async () => {
      if (broken === undefined) thread.postMessage("close");
      await ended;
    },
  };
}

function failed(name: ReadCall, message: string): AgentFlowError {
  return new AgentFlowError("internal", `read model, ${name}: ${message}`, { reason: "read_model_failed" });
}

/** It heals by itself, so whoever asks again gets an answer. */
function damaged(name: ReadCall, message: string): AgentFlowError {
  return new AgentFlowError(
    "unavailable",
    `the read model is damaged and is built anew (${name}: ${message})`,
    {
      reason: "read_model_damaged",
      details: { retryAfterMs: 1_000 },
    },
  );
}

function gone(): AgentFlowError {
  return new AgentFlowError("unavailable", "the read model is closed", { reason: "read_model_closed" });
}
