/** The read model's own thread: SQLite never stops the loop that decides. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { parseReadAsk, parseReadModelPath, type ReadAsk, type ReadReply } from "./parse-read-message.ts";
import { answerCall } from "./read-calls.ts";
import { ReadModel } from "./read-model.ts";

if (parentPort !== null) serve(parentPort, new ReadModel(parseReadModelPath(workerData)));

function serve(port: MessagePort, model: ReadModel): void {
  port.on("message", (message: unknown) => {
    const ask = parseReadAsk(message);
    if (ask !== "close") return port.postMessage(reply(model, ask));
    model.close();
    port.close();
  });
}

function reply(model: ReadModel, { id, name, ask }: ReadAsk): ReadReply {
  try {
    return { id, ok: true, answer: answerCall(model, name, ask) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { id, ok: false, message, damaged: isDamage(error) };
  }
}

/** SQLITE_CORRUPT and SQLITE_NOTADB, whatever their extension. */
function isDamage(error: unknown): boolean {
  if (!(error instanceof Error && "errcode" in error && typeof error.errcode === "number")) return false;
  return [11, 26].includes(error.errcode % 256);
}
