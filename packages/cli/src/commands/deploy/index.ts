import type { Engine } from "@agentflow/cluster/engine";
import { parseDuration } from "@agentflow/protocol";
import { AgentFlowCommand } from "../../base-command.ts";
import {
  confirmedData,
  deployFlags,
  interruptedDeploy,
  saidIncompatible,
  sayFailure,
  sayWhere,
  targetArgs,
} from "../../deploy/common.ts";
import { checkImages } from "../../deploy/nodes.ts";
import { openClusterTarget } from "../../deploy/open.ts";
import { prepareRelease } from "../../deploy/release.ts";
import { reportDeploy } from "../../deploy/report.ts";
import { deployingOf, sayPlan } from "../../deploy/run.ts";
import { Flags } from "../../flags.ts";
import { saveDeployed } from "../../deploy/save-context.ts";
import { dim, green, yellow } from "../../output/text.ts";
import { onInterrupt } from "../../runs/detach.ts";
import { showWork } from "../../targets/progress.ts";

export default class Deploy extends AgentFlowCommand {
  static override summary = "Carry this project to a cluster: show what changes, apply it, wait with reasons";
  static override description =
    "TARGET is one of agentflow.yaml on Kubernetes; without one the context in use, else the only one.\n" +
    "The same again changes nothing. What fails is said at once, with its events and last lines.\n" +
    "Ctrl-C stops the waiting alone; a deploy that dies is followed by the next, no lock stays behind.";
  static override args = targetArgs;
  static override flags = {
    ...deployFlags,
    plan: Flags.boolean({ description: "only say what would change; exit 16 when something would" }),
    build: Flags.boolean({
      description: "build images even when the same ones are there; --no-build: never",
      allowNo: true,
    }),
    image: Flags.string({
      description: "an image that is there, instead of one built here: nats, control-plane, worker",
      helpValue: "PART=REFERENCE",
      multiple: true,
      multipleNonGreedy: true,
    }),
    out: Flags.string({
      description: "only write it for another tool: manifests=DIR (- is stdout), chart=DIR, compose=FILE",
      helpValue: "FORM=PLACE",
      exclusive: ["plan"],
    }),
    keda: Flags.boolean({
      description: "with --out: the cluster has KEDA (else it is asked)",
      dependsOn: ["out"],
    }),
  };
  static override examples = [
    "af deploy",
    "af deploy prod --plan",
    "af deploy prod --out chart=./chart",
    'af deploy prod --reason "new prompts" --timeout 15m',
    "af deploy prod --image worker=reg.example.com/triage:0f3a12bc44de",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Deploy);
    const timeoutMs = parseDuration(flags.timeout);
    if (flags.out !== undefined) return this.#write(flags.out, { ...flags, target: args.target });
    using on = await openClusterTarget({
      folder: this.folder(flags),
      environment: process.env,
      target: args.target,
      context: flags.context,
    });
    const { name } = on.project.target;
    const { where } = on;
    if (!(await confirmedData(flags, { mayAsk: this.mayAsk(flags), where }))) return;
    using interrupt = onInterrupt();
    sayWhere(this.output, where);
    const shown = showWork(this.output, on.release);
    const startedMs = performance.now();
    try {
      const { Access, deploy, planDeploy, refuseConflicts } = await import("@agentflow/cluster/kubernetes");
      const wanted = {
        on,
        version: this.config.version,
        build: buildOf(flags),
        named: flags.image ?? [],
        progress: shown,
        signal: interrupt.signal,
        check: async (engine: Engine, image: string) => checkImages(on, engine, image),
      };
      const prepared = await prepareRelease(wanted, new Access(on.cluster, on.namespace));
      const { release, secrets } = prepared;
      const deploying = await deployingOf({
        on,
        release,
        secrets,
        flags,
        timeoutMs,
        shown,
        signal: interrupt.signal,
      });
      if (flags.plan) {
        const plan = await planDeploy(deploying);
        shown.close();
        refuseConflicts(deploying, plan);
        sayPlan(this.output, on, plan);
        return;
      }
      const deployed = await deploy(deploying);
      await saveDeployed(on);
      shown.close();
      const ms = performance.now() - startedMs;
      reportDeploy(this.output, { on, deployed, build: release.build, waited: flags.wait, ms, prepared });
    } catch (error) {
      shown.close();
      if (interrupt.signal.aborted) throw interruptedDeploy(name);
      sayFailure(this.output, error);
      if (!saidIncompatible(this.output, error)) throw error;
    }
  }

  async #write(out: string, flags: WriteFlags): Promise<void> {
    using interrupt = onInterrupt();
    const shown = showWork(this.output, "files");
    const { deployOut } = await import("../../deploy/out.ts");
    const written = await deployOut({
      folder: this.folder(flags),
      environment: process.env,
      target: flags.target,
      context: flags.context,
      out,
      keda: flags.keda,
      version: this.config.version,
      named: flags.image ?? [],
      progress: shown,
      signal: interrupt.signal,
    }).finally(() => shown.close());
    const { out: to, target, files, notes, text } = written;
    this.output.data({ target, out: { kind: to.kind, where: to.where }, files, notes });
    if (this.output.json) return;
    for (const note of notes) this.output.say(yellow(note));
    if (text === undefined) this.output.line([green("✓ "), to.where, dim(`  ${filesOf(files.length)}`)]);
    else for (const line of text.trimEnd().split("\n")) this.output.line(line);
  }
}

function filesOf(count: number): string {
  return count === 1 ? "1 file" : `${count} files`;
}

interface WriteFlags {
  readonly dir?: string | undefined;
  readonly target: string | undefined;
  readonly context: string | undefined;
  readonly keda: boolean;
  readonly image: readonly string[] | undefined;
}

function buildOf(flags: {
  readonly build: boolean | undefined;
  readonly plan: boolean;
}): "when needed" | "always" | "never" | "named" {
  if (flags.plan) return "named";
  if (flags.build === undefined) return "when needed";
  return flags.build ? "always" : "never";
}
