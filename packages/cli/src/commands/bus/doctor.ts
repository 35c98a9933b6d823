import { errorTable } from "@agentflow/protocol";
import { AgentFlowCommand } from "../../base-command.ts";
import { Flags } from "../../flags.ts";
import { printChecks } from "../../output/checks.ts";
import { busFlagNames, busFlags, busFlagsOf, serviceFlags } from "../../service-flags.ts";

export default class BusDoctor extends AgentFlowCommand {
  static override summary = "Check the NATS of an installation: streams, room, durability, tasks, clocks";
  static override description =
    "It reads, and changes nothing. Where the server knows identities, it needs that of a control plane.\n" +
    "It speaks to NATS itself and takes no context. Of an installation on containers, which opens no port\n" +
    "of its bus: af doctor --target NAME, af debug bus peek --context NAME.\n" +
    "Exits 3 when anything is wrong (✗); ! is worth knowing and no fault.";
  static override flags = {
    ...serviceFlags,
    ...busFlags,
    monitor: Flags.string({
      description: "http://host:8222: when answers are on disk is said there",
      helpValue: "URL",
      helpGroup: "BUS",
    }),
  };
  static override examples = [
    "af bus doctor --bus nats://127.0.0.1:4222 --monitor http://127.0.0.1:8222",
    "af bus doctor --nkey bus/control-plane.nk --inbox _AF.control-plane",
    "af bus doctor --config /etc/agentflow/server.yaml --json",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(BusDoctor);
    const { busLook } = await import("../../local/examine-bus.ts");
    const look = await busLook({
      flags: { ...busFlagsOf(flags), "bus.monitor": flags.monitor },
      flagNames: { ...busFlagNames, "bus.monitor": "--monitor" },
      config: flags.config,
      dir: this.folder(flags),
      version: this.config.version,
    });
    const { report, checks } = await look.examine();
    const bad = checks.some(({ state }) => state === "bad");
    this.output.data({ servers: look.servers, report, checks, ok: !bad });
    if (!this.output.json) printChecks(this.output, checks);
    if (bad) this.exitWith(errorTable.invalid_project.exit);
  }
}
