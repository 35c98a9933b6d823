import { showDuration } from "@agentflow/protocol";
import { resolve } from "node:path";
import { AgentFlowCommand } from "../base-command.ts";
import { findingText, type Restored } from "../local/backup-report.ts";
import { needProject } from "../config/installation.ts";
import { Args, Flags } from "../flags.ts";
import { bold, cyan, dim, green, type Text } from "../output/text.ts";
import { onInterrupt } from "../runs/detach.ts";
import type { RestoredThere } from "../parse-restored.ts";
import { busFlagNames, busFlags, busFlagsOf, serviceFlags } from "../service-flags.ts";

export default class Restore extends AgentFlowCommand {
  static override summary =
    "Put a backup into an empty installation: a project's state, on NATS, on containers";
  static override description =
    "The file is checked first, then written, then all of it is read again. Keys work as before; the\n" +
    "local token is the project's own. What is left of a restore that died half-way nothing serves.\n" +
    "In a project it is refused by af dev until it was done again, or thrown away: af dev --fresh.\n" +
    "With --bus (identity and the rest as af server takes them) the backup goes into an installation on\n" +
    "NATS in which no control plane and no worker is at work; cut off, it goes on with the same file.\n" +
    "With --target it goes into that target's containers (after af up): their control planes and workers\n" +
    "end meanwhile, and are started again in any case.";
  static override args = { file: Args.string({ required: true, description: "what af backup wrote" }) };
  static override flags = {
    into: Flags.string({
      description: "the project's folder; this one when left out",
      helpValue: "DIR",
      exclusive: ["bus", "config", "target"],
    }),
    target: Flags.string({
      description: "a target on Docker that is up, of agentflow.yaml",
      helpValue: "TARGET",
      exclusive: ["bus", "config"],
    }),
    "accept-faults": Flags.boolean({ description: "restore what there is of a backup that has faults" }),
    ...serviceFlags,
    ...busFlags,
    replicas: Flags.integer({
      description: "copies of each stream: 1, 3 or 5",
      min: 1,
      max: 5,
      helpGroup: "BUS",
    }),
    logs: Flags.integer({
      description: "logs side by side, where the installation is not made yet (1)",
      min: 1,
      max: 8,
      helpGroup: "BUS",
    }),
  };
  static override examples = [
    "af restore nightly.zst",
    "af restore nightly.zst --into ../triage-copy",
    "af restore nightly.zst --target docker",
    "af restore nightly.zst --bus nats://127.0.0.1:4222",
    "af restore a.zst --config /etc/agentflow/server.yaml",
    "af restore nightly.zst --json",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Restore);
    const startedMs = Date.now();
    const folder = this.folder(flags);
    const file = resolve(folder, args.file);
    if (flags.target !== undefined) return this.#onTarget(folder, flags.target, { ...flags, file });
    const { openBackup } = await import("../local/backup-file.ts");
    const { showProgress } = await import("../local/restore-progress.ts");
    using interrupt = onInterrupt();
    const of = {
      version: this.config.version,
      open: openBackup(file),
      acceptFaults: flags["accept-faults"],
      signal: interrupt.signal,
      onProgress: showProgress(this.output),
    };
    if (flags.bus === undefined && flags.config === undefined) {
      const dir = needProject(flags.into === undefined ? folder : resolve(folder, flags.into));
      const { restoreState } = await import("../local/state.ts");
      const restored = await restoreState({ ...of, dir });
      return this.#report(restored, { ms: Date.now() - startedMs, where: { dir }, next: "af dev" });
    }
    const { restoreBus } = await import("../local/restore-bus.ts");
    const { servers, ...restored } = await restoreBus({
      ...of,
      flags: { ...busFlagsOf(flags), "bus.replicas": flags.replicas, "bus.logs": flags.logs },
      flagNames: { ...busFlagNames, "bus.replicas": "--replicas", "bus.logs": "--logs" },
      config: flags.config,
      dir: folder,
    });
    const next = `af server --bus ${servers.join(",")}`;
    this.#report(restored, { ms: Date.now() - startedMs, where: { servers }, next });
  }

  async #onTarget(folder: string, target: string, { file, ...flags }: OnTarget): Promise<void> {
    const startedMs = Date.now();
    const { output } = this;
    const { restoreTarget } = await import("../targets/restore.ts");
    const of = { folder, target, file, acceptFaults: flags["accept-faults"], output };
    const restored = await restoreTarget(of);
    const { installation, madeAt, runs, findings, resumed } = restored;
    const ms = Date.now() - startedMs;
    output.data({ target, installation, madeAt, runs, findings, resumed }, { ms });
    output.say(restoredText(runs, { at: madeAt, place: target, ms, resumed }));
    output.say([dim("go on with them: "), cyan(`af run list --context ${target}`)]);
  }

  #report({ file, written, resumed }: Restored, of: Done): void {
    const { ms, where, next } = of;
    const { installation, at } = file.head;
    const { runs, findings } = written;
    this.output.data({ ...where, installation, madeAt: at, runs, findings, resumed }, { ms });
    for (const finding of file.findings) this.output.say(findingText(finding));
    const place = "dir" in where ? where.dir : where.servers.join(", ");
    this.output.say(restoredText(runs, { at, place, ms, resumed }));
    this.output.say([dim("go on with them: "), cyan(next)]);
  }
}

function restoredText(runs: RestoredThere["runs"], of: Told): Text {
  const { at, place, ms, resumed } = of;
  return [
    green("✓ "),
    bold(`${runs.open + runs.ended + runs.archived + runs.parked} runs`),
    ` as of ${at}, ${runs.open} of them open`,
    dim(`  ${place}, ${showDuration(ms)}${resumed ? ", gone on where it was cut off" : ""}`),
  ];
}

interface Told {
  readonly at: string;
  readonly place: string;
  readonly ms: number;
  readonly resumed: boolean;
}

interface OnTarget {
  readonly file: string;
  readonly "accept-faults": boolean;
}

interface Done {
  readonly ms: number;
  readonly where: { readonly dir: string } | { readonly servers: readonly string[] };
  /** The command that serves what is there now. */
  readonly next: string;
}
