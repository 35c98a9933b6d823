/** One call of a model: from our request to a provider and back, its pieces told as they come. */
import type { ModelReply } from "@agentflow/protocol";
import type { ModelCall } from "../channel/model-messages.ts";
import { callOptionsOf, createClients, needProvider } from "./client.ts";
import { modelError } from "./model-failure.ts";
import { ModelError } from "./model-error.ts";
import type { CallHouse } from "./call-house.ts";
import { ReplyReader, cutShort } from "./read-stream.ts";
import type { Scripted } from "./scripted.ts";
import { toCallOptions } from "./to-prompt.ts";

export interface Models {
  /** Throws a `ModelError`, and nothing else. */
  call(call: ModelCall, house: CallHouse): Promise<ModelReply>;
}

export function createModels(projectDir: string): Models {
  const clients = createClients(projectDir);
  let scripted: Promise<Scripted> | undefined;
  return {
    async call(call, house) {
      try {
        const provider = needProvider(call.model);
        if (provider.name === "scripted") {
          scripted ??= import("./scripted.ts").then(({ createScripted }) => createScripted(projectDir));
          return await (await scripted)(call, house);
        }
        const model = await clients.modelOf(call.model, provider);
        const { call: options, names } = toCallOptions(call.request, {
          optionsKey: provider.optionsKey,
          options: callOptionsOf(call.model, provider),
          strict: provider.strict === true,
          schemas: call.model.options?.["supportsStructuredOutputs"] !== false,
        });
        const reader = new ReplyReader({ piece: house.piece, meant: (tool) => names.meant(tool) });
        // So that what the provider measures, if it does, stands below the call.
        const headers = call.traceparent === undefined ? {} : { headers: { traceparent: call.traceparent } };
        const { stream } = await model.doStream({ ...options, ...headers, abortSignal: house.signal });
        await drain(stream, house, (part) => reader.read(part));
        return reader.reply();
      } catch (error) {
        throw whyItFailed(error, call, house.signal);
      }
    },
  };
}

async function drain<T>(stream: ReadableStream<T>, house: CallHouse, read: (part: T) => void): Promise<void> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      house.alive();
      read(value);
    }
  } finally {
    // What is still to come is not paid for by anybody who reads it.
    await reader.cancel().catch(() => {});
  }
}

function whyItFailed(error: unknown, { model }: ModelCall, signal: AbortSignal): ModelError {
  if (signal.aborted) {
    const reason: unknown = signal.reason;
    if (reason instanceof ModelError) return reason;
    return new ModelError("model_timeout", reason instanceof Error ? reason.message : "stopped");
  }
  if (isBrokenOff(error)) return cutShort();
  return modelError(error, model.apiKey);
}

/** A connection that is lost while the answer comes in; a client may have wrapped it into its own error. */
function isBrokenOff(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof TypeError && /terminated|network error/i.test(error.message)) return true;
  return isBrokenOff(error.cause);
}
