import { AgentFlowCommand } from "../../base-command.ts";
import { Flags } from "../../flags.ts";
import { serviceFlags } from "../../service-flags.ts";

export default class Sandbox extends AgentFlowCommand {
  static override summary = "Run a broker as a service: it makes the sandboxes of workers without an engine";
  static override description =
    "It alone needs the Docker engine, and makes nothing there but containers of one shape, one for each\n" +
    "call of an untrusted tool. Workers reach it by its socket (sandbox.broker). SIGTERM ends all.\n" +
    "Settings: flags, AF_*, settings: of agentflow.yaml or --config FILE, the user's own, defaults.";
  static override flags = {
    ...serviceFlags,
    socket: Flags.string({ description: "path of the socket it listens on", helpValue: "PATH" }),
    engine: Flags.string({ description: "the Docker engine (unix:///…, tcp://…)", helpValue: "URL" }),
    image: Flags.string({ description: "image of the sandboxes; it holds the project", helpValue: "IMAGE" }),
    max: Flags.integer({ description: "sandboxes at the same time", min: 1, max: 10_000 }),
  };
  static override examples = [
    "af sandbox --socket /run/sandbox.sock --image agentflow/triage:0a1b2c3d4e5f",
    "af sandbox -C /srv/project --engine unix:///var/run/docker.sock --max 8",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(Sandbox);
    const { runSandbox } = await import("../../local/services/sandbox.ts");
    await runSandbox({
      flags: {
        "log.level": flags.debug ? "debug" : undefined,
        "sandbox.broker": flags.socket,
        "sandbox.host": flags.engine,
        "sandbox.image": flags.image,
        "most.sandboxes": flags.max,
      },
      flagNames: {
        "sandbox.broker": "--socket",
        "sandbox.host": "--engine",
        "sandbox.image": "--image",
        "most.sandboxes": "--max",
      },
      config: flags.config,
      dir: this.folder(flags),
      version: this.config.version,
    });
  }
}
