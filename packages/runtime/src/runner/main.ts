/**
 * The runner process: user code lives here, and only here. It knows its supervisor's channel and nothing
 * else.
 */
import { AgentFlowError, type LogRecord, type SpanRecord } from "@agentflow/protocol";
import { Socket } from "node:net";
import { type Channel, type Message, openChannel } from "../channel/frames.ts";
import type { CallEnd, FromRunner, RunnerConfig } from "../channel/runner-messages.ts";
import { type Calls, createCalls } from "./calls.ts";
import { createInspector } from "./inspect.ts";
import { loadProject } from "./load.ts";
import { loadProblem } from "./problem.ts";
import { onUncaught } from "./uncaught.ts";
import { parseToRunner } from "../channel/parse-messages.ts";
import { withStripped } from "../strip/stripped-files.ts";

const teleEveryMs = 100;
const inspectWaitMs = 40;

class RunnerProcess {
  readonly #channel: Channel;
  #calls: Calls | undefined;
  #retired = false;
  #records: (LogRecord | SpanRecord)[] = [];
  readonly #inspector = createInspector((url) => this.#say(["inspecting", url]));

  constructor() {
    // Meant for this process, not for those that user code starts.
    delete process.env["NODE_COMPILE_CACHE"];
    const stream = new Socket({ fd: 3, readable: true, writable: true });
    this.#channel = openChannel(stream, (message) => this.#receive(message));
    // Whatever user code does, a runner without its supervisor is an orphan.
    void this.#channel.closed.then(() => process.exit(0));
  }

  #receive(raw: Message): void {
    const message = parseToRunner(raw);
    switch (message[0]) {
      case "configure":
        void this.#load(message[1]);
        return;
      case "call":
        if (this.#calls === undefined)
          throw new AgentFlowError("internal", "a call came before the code was loaded");
        this.#calls.call(message[1], message[2]);
        return;
      case "stop":
        this.#calls?.stop(message[1], message[2]);
        return;
      case "inspect":
        void this.#inspector.open(message[1]);
        return;
      case "dialled":
      case "data":
      case "hung":
        return;
      case "retire":
        this.#retired = true;
        this.#inspector.close();
        this.#leaveIfIdle();
        return;
    }
  }

  async #load(config: RunnerConfig): Promise<void> {
    if (config.inspectPort !== undefined) await this.#openInspector(config.inspectPort);
    onUncaught(config.projectDir, (text) => {
      this.#flush();
      this.#say(["uncaught", text]);
      this.#channel.flush();
    });
    try {
      process.chdir(config.projectDir);
      const { projectDir, filesDir, stripped = {} } = config;
      const onFile = (file: string): void => {
        this.#say(["loading", file]);
        this.#channel.flush();
      };
      const project = await withStripped(stripped, {
        projectDir,
        load: () => loadProject(projectDir, onFile),
      });
      this.#calls = createCalls({
        project,
        projectDir,
        ...(filesDir === undefined ? {} : { filesDir }),
        done: (id, end) => this.#done(id, end),
        tell: (record) => this.#tell(record),
        part: (id, parts) => this.#say(["part", id, parts]),
      });
      this.#say(["ready", project.manifest]);
    } catch (error) {
      this.#say(["broken", loadProblem(error, config.projectDir)]);
      this.#channel.close();
    }
  }

  #done(id: number, end: CallEnd): void {
    this.#flush();
    this.#say(["done", id, end]);
    if (this.#retired) this.#leaveIfIdle();
  }

  #tell(record: LogRecord | SpanRecord): void {
    if (this.#records.length === 0) setTimeout(() => this.#flush(), teleEveryMs).unref();
    this.#records.push(record);
    if (this.#records.length >= 500) this.#flush();
  }

  #flush(): void {
    if (this.#records.length === 0) return;
    const records = this.#records;
    this.#records = [];
    this.#say(["tele", records]);
  }

  /**
   * Before user code is loaded, so that breakpoints at the top of a file hold; not waited for when the runner
   * before this one still has the port, because that one only gives it up once this one is ready.
   */
  async #openInspector(port: number): Promise<void> {
    const opened = this.#inspector.open(port);
    await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, inspectWaitMs))]);
  }

  #leaveIfIdle(): void {
    if ((this.#calls?.open ?? 0) > 0) return;
    this.#flush();
    this.#channel.close();
  }

  #say(message: FromRunner): void {
    this.#channel.send(message);
  }
}

// Importing a module does nothing: only the process that was started on this file becomes a runner.
if (process.argv[1] === import.meta.filename) new RunnerProcess();
