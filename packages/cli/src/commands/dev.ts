import { AgentFlowCommand } from "../base-command.ts";
import type { ContainerChoice } from "../local/containers/options.ts";
import { needProject } from "../config/installation.ts";
import { AgentFlowError } from "@agentflow/protocol";
import { normalize } from "node:path";
import { elsewhereNote } from "../contexts/dev-note.ts";
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
    on: Flags.string({
      description: "docker: workers run in containers, the project is mounted",
      options: ["docker"],
    }),
    target: Flags.string({
      description: "a docker target of agentflow.yaml: its engine, base image, variables and limits",
      helpValue: "TARGET",
      dependsOn: ["on"],
    }),
    writable: Flags.string({
      description: "a folder of the project that tools in containers may write",
      helpValue: "FOLDER",
      multiple: true,
      dependsOn: ["on"],
    }),
    logs: Flags.boolean({ description: "show logs between the lines about runs" }),
  };
  static override examples = [
    "af dev",
    "af dev --port 4200 --logs",
    "af dev --fresh --inspect 9229",
    "af dev --bus nats",
    "af dev --on docker --writable reports",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(Dev);
    const dir = needProject(this.folder(flags));
    const containers = flags.on === undefined ? {} : { containers: this.#containers(flags) };
    const elsewhere = elsewhereNote(dir);
    if (elsewhere !== undefined) this.output.say(elsewhere);
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
      ...containers,
      ...(flags.slots === undefined ? {} : { slots: flags.slots }),
    });
    this.exitWith(code);
  }

  /** Refuses what a container could not be given. */
  #containers(flags: {
    readonly bus: string;
    readonly target: string | undefined;
    readonly writable: readonly string[] | undefined;
  }): ContainerChoice {
    const { bus, target, writable = [] } = flags;
    if (bus !== "embedded") {
      throw new AgentFlowError("invalid_input", `workers in containers cannot use --bus ${bus}`, {
        reason: "bus_not_shared",
        suggestions: ["leave --bus out: they reach the embedded bus", "af up: all of it in containers"],
      });
    }
    const folders = writable.map((folder) => normalize(folder).replace(/\/+$/, ""));
    const outside = folders.find((folder) => /^(\.\.(\/|$)|\/|\.?$)/.test(folder));
    if (outside !== undefined) {
      throw new AgentFlowError("invalid_input", `--writable ${outside}: no folder within the project`, {
        reason: "not_in_project",
        suggestions: ["name one below the project: --writable reports"],
      });
    }
    return { writable: folders, ...(target === undefined ? {} : { target }) };
  }
}
