import { AgentFlowCommand } from "../../base-command.ts";
import { needProject } from "../../config/installation.ts";
import { Flags } from "../../flags.ts";
import { busFlagNames, busFlags, busFlagsOf, serviceFlags } from "../../service-flags.ts";

export default class Worker extends AgentFlowCommand {
  static override summary = "Run a worker on NATS as a service: this project's code, the tasks of one pool";
  static override description =
    "SIGTERM finishes the work in flight (stopMs) and ends; SIGHUP loads the code anew.\n" +
    "Settings: flags, AF_*, settings: of agentflow.yaml or --config FILE, the user's own, defaults.";
  static override flags = {
    ...serviceFlags,
    ...busFlags,
    name: Flags.string({ description: "the worker's name", helpValue: "NAME" }),
    tenant: Flags.string({ description: "whose tasks it takes (default)", helpValue: "TENANT" }),
    pool: Flags.string({ description: "the pool whose tasks it takes (default)", helpValue: "POOL" }),
    build: Flags.string({ description: "the build whose tasks it takes (dev)", helpValue: "BUILD" }),
    slots: Flags.integer({ description: "steps that run at the same time", min: 1, max: 1_000 }),
    "health-port": Flags.integer({ description: "port of /livez and /readyz", min: 0, max: 65_535 }),
  };
  static override examples = [
    "af worker --bus nats://127.0.0.1:4222",
    "af worker --nkey bus/worker-default.nk --inbox _AF.worker-default",
    "af worker -C /srv/triage --pool gpu --slots 4 --health-port 4181",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(Worker);
    const projectDir = needProject(this.folder(flags));
    const { runWorker } = await import("../../local/services/worker.ts");
    await runWorker({
      flags: {
        ...busFlagsOf(flags),
        "worker.name": flags.name,
        "worker.tenant": flags.tenant,
        "worker.pool": flags.pool,
        "worker.build": flags.build,
        "worker.slots": flags.slots,
        "health.port": flags["health-port"],
      },
      flagNames: {
        ...busFlagNames,
        "worker.name": "--name",
        "worker.tenant": "--tenant",
        "worker.pool": "--pool",
        "worker.build": "--build",
        "worker.slots": "--slots",
      },
      config: flags.config,
      dir: projectDir,
      projectDir,
      version: this.config.version,
    });
  }
}
