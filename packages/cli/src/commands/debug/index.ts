import { ApiCommand } from "../../api-command.ts";
import { Args, Flags } from "../../flags.ts";
import { resolveRun } from "../../runs/resolve-run.ts";
import { isBundleName, openBundle, openRun, replayOf } from "../../debug/open-recording.ts";
import { paneNames } from "../../debug/panes.ts";
import { eventNumber, printEntries, printPane } from "../../debug/print.ts";
import type { Recording } from "../../debug/recording.ts";
import { resolve } from "node:path";

export default class Debug extends ApiCommand {
  static override summary = "Step through a run's history and its agents' journals, event by event";
  static override description =
    "On a terminal: n and p go to the next and the previous event, g to a number, / searches, tab looks\n" +
    "at something else of it: state, prompt, messages, calls, usage, the difference to the event before;\n" +
    "q quits. With --at, or where nobody looks: prints.\n" +
    "A file that af debug bundle wrote needs no installation.";
  static override args = {
    run: Args.string({ required: true, description: "id, its beginning, @last, or a bundle's file" }),
  };
  static override flags = {
    at: Flags.integer({ description: "number of the event; negative from the end", helpValue: "N" }),
    print: Flags.string({
      description: "what to print of it",
      options: [...paneNames],
      helpValue: "WHAT",
    }),
  };
  static override examples = [
    "af debug @last",
    "af debug @last --at -1 --print messages --json",
    "af debug @last --at 4 --print diff",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Debug);
    const replay = await replayOf(await this.#recording(args.run, flags));
    const asked = flags.at !== undefined || flags.print !== undefined;
    const n = asked ? eventNumber(replay, flags.at ?? -1) : 1;
    const pane = paneNames.find((name) => name === flags.print);
    if (asked && (pane !== undefined || !this.#onTerminal(flags)))
      return printPane(this.output, replay, { n, pane: pane ?? "event" });
    if (!this.#onTerminal(flags) || replay.entries.length === 0) return printEntries(this.output, replay);
    const { runStepper } = await import("../../debug/stepper.ts");
    await runStepper(replay, { n, noColor: flags["no-color"] });
  }

  async #recording(
    text: string,
    flags: { readonly dir?: string | undefined; readonly url?: string | undefined },
  ): Promise<Recording> {
    if (isBundleName(text)) return openBundle(resolve(this.folder(flags), text));
    const client = await this.connect(flags);
    const recording = await openRun(client, await resolveRun(client, text), false);
    if (recording.cut) this.output.warn(`only the first ${recording.events.length} events are shown`);
    return recording;
  }

  #onTerminal(flags: { readonly json: boolean; readonly "no-input": boolean }): boolean {
    const { stdin, stdout } = process;
    const dumb = process.env["TERM"] === "dumb";
    return stdin.isTTY && stdout.isTTY && !flags.json && !flags["no-input"] && !dumb;
  }
}
