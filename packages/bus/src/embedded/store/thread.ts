/** The writer's thread: started by `threadBackend`, commits what it is sent, ends when told to. */
import { parentPort, workerData } from "node:worker_threads";
import type { ThreadAnswer, ThreadRequest } from "./backend.ts";
import { Committer } from "./committer.ts";
import { parseStoreOptions } from "./parse-store-options.ts";

const options = parseStoreOptions(workerData);
const stores = { log: new Committer(options.log), tele: new Committer(options.tele) };
const port = parentPort;

port?.on("message", (request: ThreadRequest | "close") => {
  if (request === "close") {
    stores.log.close();
    stores.tele.close();
    port.close();
    return;
  }
  const outcome = stores[request.store].commit(request.group, Date.now());
  port.postMessage({ store: request.store, outcome } satisfies ThreadAnswer);
});
