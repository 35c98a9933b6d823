import { AgentFlowError } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { ApiCommand } from "../../api-command.ts";
import { findProject, type Installation } from "../../config/installation.ts";
import { openRun } from "../../debug/open-recording.ts";
import type { InstallationManifest } from "../../debug/installation-bundle/write.ts";
import { Args, Flags } from "../../flags.ts";
import { showBytes } from "../../output/size.ts";
import { printRecord, printTable } from "../../output/table.ts";
import { dim, yellow } from "../../output/text.ts";
import { resolveRun } from "../../runs/resolve-run.ts";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";

interface Asked {
  readonly dir?: string | undefined;
  readonly url?: string | undefined;
  readonly context?: string | undefined;
  readonly to: string | undefined;
  readonly content: boolean;
  readonly with: string | undefined;
  readonly force: boolean;
}

export default class DebugBundle extends ApiCommand {
  static override summary = "Write a run, or the whole installation, to one file that can be given away";
  static override description =
    "With RUN: all that is known of it; af debug FILE opens it anywhere. What your tools and models said\n" +
    "is in it, unless --no-content leaves it out.\n" +
    "Without: versions, status, settings with their origins, what af doctor says, pools, workers,\n" +
    "streams, dead letters, recent failures and log lines, containers and what they printed last;\n" +
    "also when nobody answers any more. Inputs, outputs, prompts and what your code printed are left\n" +
    "out, unless --with values.\n" +
    "Known secrets and values under names of secrets are always hidden. Look before you send it.";
  static override args = {
    run: Args.string({
      ignoreStdin: true,
      description: "id, its beginning, or @last; the installation when left out",
    }),
  };
  static override flags = {
    to: Flags.string({
      description: "the file (RUN.afdebug, NAME.af.tar.gz)",
      helpValue: "FILE",
      aliases: ["out"],
      char: "o",
    }),
    content: Flags.boolean({
      description: "of a run: inputs, outputs, messages and logs too",
      default: true,
      allowNo: true,
    }),
    with: Flags.string({
      description: "of the installation: `values`, what went in and came out too",
      options: ["values"],
      helpValue: "WHAT",
    }),
    force: Flags.boolean({ description: "write over a file that is there" }),
  };
  static override examples = [
    "af debug bundle @last --force",
    "af debug bundle @last --no-content --to out.afdebug",
    "af debug bundle --out installation.af.tar.gz",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DebugBundle);
    const { run } = args;
    await (run === undefined
      ? this.#installation({ ...flags, to: flags.to })
      : this.#run({ ...flags, to: flags.to }, run));
  }

  async #run(flags: Asked, name: string): Promise<void> {
    const client = await this.connect(flags);
    const run = await resolveRun(client, name);
    const recording = await openRun(client, run, true);
    const { writeBundle } = await import("../../debug/bundle/write-bundle.ts");
    const folder = this.folder(flags);
    const { bytes, manifest } = writeBundle(recording, {
      content: flags.content,
      hiding: await this.#hiding(folder, this.installation(flags)),
      version: this.config.version,
      atMs: Date.now(),
    });
    const file = resolve(folder, flags.to ?? `${run}.afdebug`);
    save(file, bytes, flags.force);
    this.output.data({ file, bytes: bytes.length, manifest });
    if (this.output.json) return;
    const { counts, redacted, content } = manifest;
    printRecord(this.output, [
      ["file", file],
      ["bytes", String(bytes.length)],
      [
        "holds",
        `${counts.events} events, ${counts.journals} journal records, ${counts.telemetry} logs and spans`,
      ],
      ["content", content ? "inputs, outputs, messages" : "left out"],
      ["hidden", `values: ${redacted.values}; secrets known here: ${redacted.knownSecrets}`],
    ]);
    this.output.say(dim(`open it: af debug ${file}`));
  }

  /** Also where nobody answers: what this machine and its engine know is then the more wanted. */
  async #installation(flags: Asked): Promise<void> {
    const folder = this.folder(flags);
    const [{ gather }, { writeInstallation }] = await Promise.all([
      import("../../debug/installation-bundle/gather.ts"),
      import("../../debug/installation-bundle/write.ts"),
    ]);
    const reached = await this.#reached(flags);
    const { installation, client, unreachable } = reached;
    const values = flags.with === "values";
    const gathered = await gather({
      version: this.config.version,
      client,
      unreachable,
      folder,
      values,
      argv: this.argv,
      environment: process.env,
      context: installation?.context,
      project: findProject(folder),
    });
    const of = installation?.context?.name ?? installation?.url ?? "here";
    const { bytes, manifest } = writeInstallation(gathered, {
      of,
      values,
      version: this.config.version,
      atMs: Date.now(),
      hiding: await this.#hiding(folder, installation),
    });
    const file = resolve(folder, flags.to ?? `${fileName(of)}.af.tar.gz`);
    save(file, bytes, flags.force);
    this.output.data({ file, bytes: bytes.length, manifest });
    if (!this.output.json) this.#tellOf(file, bytes.length, manifest);
  }

  #tellOf(file: string, bytes: number, { holds, leftOut, redacted }: InstallationManifest): void {
    printRecord(this.output, [
      ["file", file],
      ["size", showBytes(bytes)],
      ["hidden", `values: ${redacted.values}; secrets known here: ${redacted.knownSecrets}`],
    ]);
    this.output.line();
    printTable(
      this.output,
      [
        { title: "HOLDS", of: ({ file: name }) => name },
        { title: "RECORDS", of: ({ records }) => String(records), side: "right" },
        { title: "SIZE", of: ({ bytes: size }) => showBytes(size), side: "right" },
        { title: "WHAT", of: ({ what }) => what, flexible: true },
      ],
      holds,
    );
    this.output.line();
    for (const { what, why } of leftOut) this.output.line([dim("left out  "), what, dim(`: ${why}`)]);
    this.output.say(dim(`look inside before you send it: tar -xzf ${file} -C $(mktemp -d)`));
  }

  async #reached(flags: Asked): Promise<Reached> {
    let installation: Installation | undefined;
    try {
      installation = this.installation(flags);
      const client = await this.connect(flags);
      await client.status();
      return { installation, client, unreachable: undefined };
    } catch (error) {
      const known = AgentFlowError.from(error, "asking the installation");
      // What can be known without an installation is then what is asked for. A wrong name is a mistake.
      if (!unanswered.has(known.code)) throw known;
      this.output.warn(yellow(`nobody was asked: ${known.message}`));
      return { installation, client: undefined, unreachable: known.message };
    }
  }

  async #hiding(folder: string, installation: Installation | undefined) {
    const { knownSecrets } = await import("../../local/known-secrets.ts");
    const tokens = [installation?.token ?? "", process.env["AF_TOKEN"] ?? ""];
    const hiding = await knownSecrets(findProject(folder) ?? folder, process.env, tokens);
    for (const fault of hiding.faults) this.output.warn(yellow(`not hidden: ${fault}`));
    return hiding;
  }
}

const unanswered: ReadonlySet<string> = new Set(["unavailable", "timeout", "unauthenticated"]);

interface Reached {
  readonly installation: Installation | undefined;
  readonly client: Client | undefined;
  readonly unreachable: string | undefined;
}

/** A context's name, or what of an address can stand in a file's. */
function fileName(of: string): string {
  return of
    .replace(/^[a-z]+:\/\//, "")
    .replace(/[^A-Za-z0-9.-]+/g, "-")
    .slice(0, 60);
}

function save(file: string, bytes: Uint8Array, force: boolean): void {
  try {
    writeFileSync(file, bytes, { mode: 0o600, flag: force ? "w" : "wx" });
  } catch (cause) {
    const exists = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    throw new AgentFlowError(
      exists ? "already_exists" : "unavailable",
      exists ? `${file} is there already` : `${file} cannot be written`,
      {
        reason: exists ? "file_exists" : "not_writable",
        cause,
        suggestions: ["--force", "another file: --to FILE"],
      },
    );
  }
}
