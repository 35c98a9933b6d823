/**
 * The program in a sandbox: loads one tool and makes one call of it. It speaks with its supervisor as any
 * runner does, over what its container has for stdin and stdout.
 */
import { AgentFlowError, type LogRecord, type SpanRecord } from "@agentflow/protocol";
import { registerHooks } from "node:module";
import { Socket } from "node:net";
import { pathToFileURL } from "node:url";
import { Duplex } from "node:stream";
import { type Channel, type Message, openChannel } from "../channel/frames.ts";
import { parseToRunner } from "../channel/parse-messages.ts";
import type { Call, FromRunner, RunnerConfig } from "../channel/runner-messages.ts";
import { type Calls, createCalls } from "./calls.ts";
import { type Egress, serveEgress } from "./egress.ts";
import { loadTool } from "./load.ts";
import { loadProblem } from "./problem.ts";
import { onUncaught } from "./uncaught.ts";

class SandboxedRunner {
  readonly #channel: Channel;
  #projectDir = "";
  #calls: Calls | undefined;
  #egress: Promise<Egress> | undefined;

  constructor() {
    const readable = new Socket({ fd: 3, readable: true, writable: false });
    const writable = new Socket({ fd: 4, readable: false, writable: true });
    this.#channel = openChannel(Duplex.from({ readable, writable }), (message) => this.#receive(message));
    void this.#channel.closed.then(() => process.exit(0));
  }

  #receive(raw: Message): void {
    const message = parseToRunner(raw);
    switch (message[0]) {
      case "configure":
        this.#configure(message[1]);
        return;
      case "call":
        if (message[2].kind !== "tool") throw new AgentFlowError("invalid_input", "only tools run here");
        void this.#call(message[1], message[2]);
        return;
      case "stop":
        this.#calls?.stop(message[1], message[2]);
        return;
      case "dialled":
      case "data":
      case "hung":
        void this.#egress?.then((egress) => egress.receive(message));
        return;
      default:
        return;
    }
  }

  #configure({ projectDir, egress }: RunnerConfig): void {
    // The first word: from here on it is the tool's code that may be at fault.
    this.#say(["loading", ""]);
    this.#channel.flush();
    this.#projectDir = projectDir;
    if (egress === true) this.#egress = serveEgress((message) => this.#say(message));
    onUncaught(projectDir, (text) => {
      this.#say(["uncaught", text]);
      this.#channel.flush();
    });
  }

  async #call(id: number, call: Call): Promise<void> {
    const projectDir = this.#projectDir;
    try {
      await this.#egress;
      process.chdir(projectDir);
      useOwnPackages(projectDir);
      const project = await loadTool(projectDir, call.name);
      this.#calls = createCalls({
        project,
        projectDir,
        done: (of, end) => this.#say(["done", of, end]),
        tell: (record) => this.#tell(record),
        part: (of, parts) => this.#say(["part", of, parts]),
      });
      this.#calls.call(id, call);
    } catch (error) {
      this.#say(["broken", loadProblem(error, projectDir)]);
    }
  }

  #tell(record: LogRecord | SpanRecord): void {
    this.#say(["tele", [record]]);
  }

  #say(message: FromRunner): void {
    this.#channel.send(message);
  }
}

/** The project's own copy of our packages may be another release, or a link that leads out of the sandbox. */
function useOwnPackages(projectDir: string): void {
  const inside = `${pathToFileURL(projectDir).href}/`;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const isOurs = specifier.startsWith("@agentflow/") && context.parentURL?.startsWith(inside) === true;
      return nextResolve(specifier, isOurs ? { ...context, parentURL: import.meta.url } : context);
    },
  });
}

// Importing a module does nothing: only the process that was started on this file becomes a runner.
if (process.argv[1] === import.meta.filename) new SandboxedRunner();
