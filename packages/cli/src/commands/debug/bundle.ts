import { AgentFlowError } from "@agentflow/protocol";
import { ApiCommand } from "../../api-command.ts";
import { findProject } from "../../config/installation.ts";
import { openRun } from "../../debug/open-recording.ts";
import { Args, Flags } from "../../flags.ts";
import { printRecord } from "../../output/table.ts";
import { dim, yellow } from "../../output/text.ts";
import { resolveRun } from "../../runs/resolve-run.ts";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";

export default class DebugBundle extends ApiCommand {
  static override summary = "Write a run with all that is known of it to one file that can be given away";
  static override description =
    "Known secrets and values under names of secrets are hidden. Look before you send it: what your\n" +
    "tools and models said is in it, unless --no-content leaves it out. af debug FILE opens it anywhere.";
  static override args = { run: Args.string({ required: true, description: "id, its beginning, or @last" }) };
  static override flags = {
    to: Flags.string({ description: "the file (RUN.afdebug)", helpValue: "FILE" }),
    content: Flags.boolean({
      description: "inputs, outputs, messages and logs too",
      default: true,
      allowNo: true,
    }),
    force: Flags.boolean({ description: "write over a file that is there" }),
  };
  static override examples = [
    "af debug bundle @last --force",
    "af debug bundle @last --no-content --to out.afdebug",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DebugBundle);
    const client = await this.connect(flags);
    const run = await resolveRun(client, args.run);
    const recording = await openRun(client, run, true);
    const [{ knownSecrets }, { writeBundle }] = await Promise.all([
      import("../../local/known-secrets.ts"),
      import("../../debug/bundle/write-bundle.ts"),
    ]);
    const folder = this.folder(flags);
    const hiding = await knownSecrets(findProject(folder) ?? folder, process.env);
    for (const fault of hiding.faults) this.output.warn(yellow(`not hidden: ${fault}`));
    const { bytes, manifest } = writeBundle(recording, {
      content: flags.content,
      hiding,
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
