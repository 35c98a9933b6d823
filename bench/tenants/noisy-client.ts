import { type ChildProcess, fork } from "node:child_process";
import path from "node:path";
import { endWithUs } from "../lib/children.ts";
import { type FromNoisy, parseFromNoisy, type ToNoisy } from "./parse-noisy.ts";

/** The noisy tenant's client, elsewhere: told what to do, and asked how it went. */
export class NoisyClient {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = endWithUs(fork(path.join(import.meta.dirname, "noisy-main.ts")));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async start(of: Omit<Extract<ToNoisy, { kind: "start" }>, "kind">) {
    const answer = await this.#ask({ kind: "start", ...of });
    if (answer.kind !== "started") throw new Error(`the noisy tenant: ${JSON.stringify(answer)}`);
    return answer;
  }

  async cancel(inFlight: number) {
    const answer = await this.#ask({ kind: "cancel", inFlight });
    if (answer.kind !== "cancelled") throw new Error(`the noisy tenant: ${JSON.stringify(answer)}`);
    return answer;
  }

  close(): void {
    this.#child.disconnect();
  }

  #ask(message: ToNoisy): Promise<FromNoisy> {
    const { promise, resolve, reject } = Promise.withResolvers<FromNoisy>();
    const gone = (): void => reject(new Error("the noisy tenant's client ended"));
    this.#child.once("exit", gone);
    this.#child.once("message", (raw) => {
      this.#child.off("exit", gone);
      resolve(parseFromNoisy(raw));
    });
    this.#child.send(message);
    return promise;
  }
}
