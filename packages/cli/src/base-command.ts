import { Command } from "@oclif/core/command";
import { Flags } from "./flags.ts";
import { resolve } from "node:path";
import type { Output } from "./output/output.ts";
import { processOutput } from "./output/process-output.ts";

/** What every command has: the flags below, an output, and errors that leave it unchanged. */
export abstract class AgentFlowCommand extends Command {
  static override baseFlags = {
    json: Flags.boolean({ description: "answer as JSON, streams as one object a line", helpGroup: "GLOBAL" }),
    "no-input": Flags.boolean({
      description: "never ask; fail naming the missing flag",
      helpGroup: "GLOBAL",
    }),
    "no-color": Flags.boolean({ description: "plain text", helpGroup: "GLOBAL" }),
    debug: Flags.boolean({ description: "show stack traces", helpGroup: "GLOBAL" }),
    dir: Flags.string({
      char: "C",
      description: "work as if started in this folder",
      helpValue: "DIR",
      helpGroup: "GLOBAL",
    }),
  };

  readonly output: Output = processOutput(this.argv);

  /** Runs it to its end; what goes wrong comes out as it was thrown. */
  async execute(): Promise<void> {
    try {
      await this.run();
    } finally {
      await this.finally(undefined);
    }
  }

  /** The folder the command speaks of. */
  protected folder(flags: { readonly dir?: string | undefined }): string {
    return resolve(flags.dir ?? ".");
  }

  /** Whether a question may be asked: only a person at a terminal can answer one. */
  protected mayAsk(flags: { readonly "no-input": boolean; readonly json: boolean }): boolean {
    const seen = process.stdin.isTTY && process.stderr.isTTY;
    return seen && !flags["no-input"] && !flags.json && (process.env["CI"] ?? "") === "";
  }

  /** The outcome that scripts see; the command itself goes on to its end. */
  protected exitWith(code: number): void {
    process.exitCode = code;
  }
}
