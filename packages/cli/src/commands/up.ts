import { exitCodes, parseDuration, showDuration } from "@agentflow/protocol";
import { AgentFlowCommand } from "../base-command.ts";
import { Args, Flags } from "../flags.ts";
import { contextFlag } from "../context-flag.ts";
import { contextPlaces } from "../config/context-places.ts";
import { chooseContext } from "../config/choose-context.ts";
import { bold, cyan, dim, green, yellow } from "../output/text.ts";
import { onInterrupt } from "../runs/detach.ts";
import { askInstallation } from "../targets/answer.ts";
import { changeText, changeViews } from "../targets/changes.ts";
import { interruptedWork, sayLastLines } from "../targets/failure.ts";
import { saidIncompatible } from "../targets/incompatible.ts";
import { openProjectTarget, openTargetEngine, type ProjectTarget } from "../targets/open.ts";
import { type Out, parseOut, writeOut } from "../targets/write-out.ts";
import { shellWord } from "../output/shell-word.ts";
import { showWork } from "../targets/progress.ts";
import { makeUp, planUp, prepareUp, type Prepared, type Up as Made, type Upping } from "../targets/up.ts";

export default class Up extends AgentFlowCommand {
  static override summary =
    "Run this project in containers: build what changed, replace what differs, wait until it serves";
  static override description =
    "TARGET is one of agentflow.yaml on Docker; without one the context in use, else the only one.\n" +
    "A second af up changes nothing; new code replaces the workers alone, each after its work in flight.\n" +
    "Interrupted anywhere, the next af up goes on. Data lies in volumes and outlives every container.";
  static override args = {
    target: Args.string({ ignoreStdin: true, description: "a target of agentflow.yaml" }),
  };
  static override flags = {
    context: contextFlag,
    build: Flags.boolean({
      description: "build images even when the same ones are there; --no-build: never",
      allowNo: true,
    }),
    plan: Flags.boolean({ description: "only say what would change; exit 16 when something would" }),
    wait: Flags.boolean({ description: "wait until everything is ready", allowNo: true, default: true }),
    timeout: Flags.string({ description: "longest wait", helpValue: "5m", default: "5m" }),
    scale: Flags.string({
      description: "copies of a pool's workers, for this time",
      helpValue: "POOL=N",
      multiple: true,
    }),
    recreate: Flags.boolean({ description: "replace every container, changed or not" }),
    out: Flags.string({
      description: "only build, and write a file for docker compose",
      helpValue: "compose=FILE",
    }),
  };
  static override examples = [
    "af up",
    "af up staging --plan",
    "af up --scale default=3 --timeout 10m",
    "af up --out compose=docker-compose.yml",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Up);
    const timeoutMs = parseDuration(flags.timeout);
    const out = flags.out === undefined ? undefined : parseOut(flags.out, this.folder(flags));
    const project = await openProjectTarget({
      folder: this.folder(flags),
      environment: process.env,
      target: args.target,
      context: flags.context,
      scale: flags.scale ?? [],
    });
    const { engine, address } = await openTargetEngine(project.target, process.env);
    using interrupt = onInterrupt();
    const progress = showWork(this.output, stackOf(project));
    try {
      const upping: Upping = {
        project,
        engine,
        address,
        version: this.config.version,
        environment: process.env,
        build: buildOf(flags),
        progress,
        signal: interrupt.signal,
      };
      const prepared = await prepareUp(upping);
      if (flags.plan) {
        progress.close();
        return await this.#plan(upping, prepared, flags.recreate);
      }
      if (out !== undefined) {
        progress.close();
        return await this.#writeOut(out, prepared);
      }
      const startedMs = performance.now();
      const recreate = flags.recreate ? { recreate: "all" as const } : {};
      const made = await makeUp(upping, prepared, { wait: flags.wait, timeoutMs, ...recreate });
      progress.close();
      const status = flags.wait ? await askInstallation(project.dir, project.target.name) : undefined;
      this.#report(project, prepared, { made, status, ms: performance.now() - startedMs });
    } catch (error) {
      progress.close();
      sayLastLines(this.output, error);
      if (interrupt.signal.aborted) throw interruptedWork(`af up ${project.target.name}`);
      if (!saidIncompatible(this.output, error)) throw error;
    } finally {
      engine.close();
    }
  }

  async #plan({ engine, project }: Upping, { installation }: Prepared, recreate: boolean): Promise<void> {
    const changes = changeViews(await planUp(engine, installation, recreate));
    this.output.data({ target: project.target.name, changes });
    for (const change of changes) this.output.line(changeText(change));
    if (changes.length === 0) this.output.say([green("✓ "), "nothing to change"]);
    else this.output.say([dim("carry it out: "), cyan(`af up ${project.target.name}`)]);
    if (changes.length > 0) this.exitWith(exitCodes.changesPending);
  }

  async #writeOut(out: Out, { installation, images }: Prepared): Promise<void> {
    const text = await writeOut(out, installation);
    const { file } = out;
    this.output.data({ target: installation.target, images, ...(file === "-" ? { text } : { file }) });
    if (file === "-") {
      if (!this.output.json) this.output.verbatim(text);
      return;
    }
    this.output.say([green("✓ "), bold(file), " is written; nothing was started"]);
    this.output.say([dim("start it: "), cyan(`docker compose -f ${shellWord(file)} up --detach`)]);
  }

  #report(project: ProjectTarget, { secrets, images, built, notes }: Prepared, of: Report): void {
    const { made, status, ms } = of;
    const { name } = project.target;
    const { applied, url, context } = made;
    const { problem, missing } = secrets;
    this.output.data(
      {
        target: name,
        url,
        context,
        images,
        built,
        applied,
        scale: project.scale,
        secretsMissing: missing,
        ...status,
      },
      { ms: Math.round(ms) },
    );
    for (const note of notes) this.output.say(yellow(note));
    if (problem !== undefined)
      this.output.say(yellow(`what secrets the code needs is not known: ${problem}`));
    if (missing.length > 0) {
      this.output.say(
        yellow(
          `without a value here: ${missing.join(", ")}  (af secrets set ${missing[0] ?? ""}, then af up)`,
        ),
      );
    }
    for (const [part, copies] of Object.entries(project.scale)) {
      const written = project.authored[part] ?? 0;
      if (copies === written) continue;
      const pool = part.replace(/^worker-/, "");
      this.output.say(
        yellow(
          `${copies} of ${part}, where agentflow.yaml says ${written}  (back: af scale ${pool}=${written})`,
        ),
      );
    }
    const changed = applied.created + applied.replaced + applied.started + applied.removed;
    const what = changed === 0 ? "nothing had changed" : summaryOf(applied);
    this.output.say([green("✓ "), bold(name), ` is up: ${what}`, dim(`  ${showDuration(ms)}`)]);
    const choice = chooseContext(contextPlaces({ folder: project.dir, environment: process.env }), {
      environment: process.env,
    });
    const inUse = choice.kind === "context" && choice.name === name;
    const next = inUse ? "af status" : `af context use ${name}`;
    this.output.line(["API ", bold(url), dim("  next: "), cyan(next)]);
  }
}

function buildOf({
  build,
  plan,
}: {
  readonly build: boolean | undefined;
  readonly plan: boolean;
}): Upping["build"] {
  if (plan) return "named";
  if (build === undefined) return "when needed";
  return build ? "always" : "never";
}

interface Report {
  readonly made: Made;
  readonly status: { readonly workers: number } | undefined;
  readonly ms: number;
}

function stackOf({ target }: ProjectTarget): string {
  return `${target.project.name}-${target.name}`;
}

function summaryOf({ created, replaced, started, removed, kept }: Made["applied"]): string {
  const counts = { created, replaced, started, removed, "as they were": kept };
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([word, count]) => `${count} ${word}`)
    .join(", ");
}
