import { exitCodes, parseDuration } from "@agentflow/protocol";
import { AgentFlowCommand } from "../base-command.ts";
import { Flags } from "../flags.ts";
import type { ServiceOptions } from "../local/services/service.ts";
import { printHistories } from "../local/histories-report.ts";
import { dim } from "../output/text.ts";
import { busFlagNames, busFlags, busFlagsOf, serviceFlags } from "../service-flags.ts";

export default class Server extends AgentFlowCommand {
  static override summary = "Run a control plane on NATS, one of any number, as a service";
  static override description =
    "It shares the 64 shards with its peers on the same bus and takes over what a dead one held.\n" +
    "The first token lies in the state folder, or where --token-file says;\n" +
    "af key create makes the others.\n" +
    "SIGTERM hands its shards over and ends.\n" +
    "--check-histories writes nothing: it reads every history and journal, and looks for what\n" +
    "runs in flight name. 0: this release can go on with all of it, 15: not. --bus embedded: that of\n" +
    "this project, while no af dev runs.\n" +
    "Settings: flags, AF_*, --config FILE, the user's own, defaults (af config view --origin).";
  static override flags = {
    ...serviceFlags,
    ...busFlags,
    host: Flags.string({ description: "address of the API", helpValue: "HOST" }),
    port: Flags.integer({ description: "port of the API (4180)", min: 0, max: 65_535 }),
    node: Flags.string({ description: "name among its peers", helpValue: "NAME" }),
    state: Flags.directory({ description: "folder of the read model and the token", helpValue: "DIR" }),
    "token-file": Flags.string({
      description: "file with the first token, instead of one made in the state folder",
      helpValue: "FILE",
    }),
    archiver: Flags.string({
      description: "file with the seed of the identity that alone may remove ended runs",
      helpValue: "FILE",
      helpGroup: "BUS",
    }),
    replicas: Flags.integer({ description: "copies of each stream: 1, 3 or 5", min: 1, max: 5 }),
    "check-histories": Flags.boolean({
      description: "serve nothing: look whether this release can go on with all that is in flight",
      helpGroup: "CHECK",
    }),
    within: Flags.string({
      description: "how long --check-histories may take (10m)",
      helpValue: "DURATION",
      helpGroup: "CHECK",
      dependsOn: ["check-histories"],
    }),
    logs: Flags.integer({
      description: "logs side by side, said when the installation is made (1)",
      min: 1,
      max: 8,
      helpGroup: "BUS",
    }),
  };
  static override examples = [
    "af server --bus nats://127.0.0.1:4222 --state /var/lib/agentflow",
    "af server --config /etc/agentflow/server.yaml --node blue",
    "af server --nkey bus/control-plane.nk --inbox _AF.control-plane",
    "af server --bus nats://127.0.0.1:4222 --logs 4",
    "af server --check-histories --bus nats://127.0.0.1:4222",
    "AF_BUS__SERVERS=nats://n1:4222,nats://n2:4222 af server --replicas 3",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(Server);
    const options: ServiceOptions = {
      flags: {
        ...busFlagsOf(flags),
        "api.host": flags.host,
        "api.port": flags.port,
        node: flags.node,
        state: flags.state,
        tokenFile: flags["token-file"],
        "bus.archiver": flags.archiver,
        "bus.replicas": flags.replicas,
        "bus.logs": flags.logs,
      },
      flagNames: {
        ...busFlagNames,
        "api.host": "--host",
        "api.port": "--port",
        tokenFile: "--token-file",
        "bus.archiver": "--archiver",
        "bus.replicas": "--replicas",
        "bus.logs": "--logs",
      },
      config: flags.config,
      dir: this.folder(flags),
      version: this.config.version,
    };
    if (flags["check-histories"]) {
      return this.#check(options, { isEmbedded: flags.bus === "embedded", within: flags.within ?? "10m" });
    }
    const { runServer } = await import("../local/services/server.ts");
    await runServer(options);
  }

  async #check(
    options: ServiceOptions,
    of: { readonly isEmbedded: boolean; readonly within: string },
  ): Promise<void> {
    const { checkInstallation } = await import("../local/services/check-histories.ts");
    const report = await checkInstallation({
      ...options,
      isEmbedded: of.isEmbedded,
      withinMs: parseDuration(of.within),
      onProgress: ({ runs, journals }) =>
        this.output.say(dim(`${runs} runs and ${journals} journals of agents are read …`)),
    });
    this.output.data({ ...report, ok: report.errors === 0 }, { ms: report.ms });
    if (!this.output.json) printHistories(this.output, report);
    if (report.errors > 0) this.exitWith(exitCodes.historyIncompatible);
  }
}
