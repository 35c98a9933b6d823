import { AgentFlowCommand } from "../base-command.ts";
import { needProject } from "../config/installation.ts";
import { Flags } from "../flags.ts";

export default class Dev extends AgentFlowCommand {
  static override summary = "Run everything here, reloading as files are saved, losing nothing";
  static override description =
    "State is kept in .agentflow/: what is in flight when it stops goes on at the next start.\n" +
    "A second af dev in the same project joins the first.";
  static override flags = {
    port: Flags.integer({
      description: "port of the API; 4180 or any free one when left out",
      min: 0,
      max: 65_535,
    }),
    host: Flags.string({ description: "address to listen on", helpValue: "HOST" }),
    fresh: Flags.boolean({ description: "forget all runs and start with empty state" }),
    inspect: Flags.integer({
      description: "attach a debugger to the runner on this port (9229 is usual)",
      min: 0,
      max: 65_535,
    }),
    slots: Flags.integer({ description: "steps that run at the same time", min: 1, max: 1_000 }),
    bus: Flags.string({
      description: "embedded, nats (starts a nats-server here) or nats://host:port of one that runs",
      helpValue: "BUS",
      default: "embedded",
    }),
    logs: Flags.boolean({ description: "show logs between the lines about runs" }),
  };
  static override examples = [
    "af dev",
    "af dev --port 4200 --logs",
    "af dev --fresh --inspect 9229",
    "af dev --bus nats",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(Dev);
    const dir = needProject(this.folder(flags));
    const { runDev } = await import("../local/index.ts");
    const code = await runDev({
      dir,
      fresh: flags.fresh,
      json: flags.json,
      logs: flags.logs,
      debug: flags.debug,
      bus: flags.bus,
      version: this.config.version,
      startedMs: performance.timeOrigin,
      write: (line) => this.output.verbatim(`${line}\n`),
      ...(flags.port === undefined ? {} : { port: flags.port }),
      ...(flags.host === undefined ? {} : { host: flags.host }),
      ...(flags.inspect === undefined ? {} : { inspect: flags.inspect }),
      ...(flags.slots === undefined ? {} : { slots: flags.slots }),
    });
    this.exitWith(code);
  }
}
