import {
  AgentFlowError,
  errorTable,
  exitCodes,
  isId,
  type RedriveBody,
  type RedriveItem,
} from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { ApiCommand } from "../../../api-command.ts";
import { redriveColumns } from "../../../debug/bus/dead-columns.ts";
import { Args, Flags } from "../../../flags.ts";
import { printTable } from "../../../output/table.ts";
import { bold, cyan, dim, yellow } from "../../../output/text.ts";
import { resolveRun } from "../../../runs/resolve-run.ts";

export default class DebugBusRedrive extends ApiCommand {
  static override summary = "Put dead letters right: their runs' open tasks are sent to workers again";
  static override description =
    "The task is sent again under its own id, made anew from its run's history: twice is harmless, and\n" +
    "what has ended is left alone. An irreversible call that had begun asks a person first.\n" +
    "Exits 16 when a dry run would send something, 6 when an owner could not be asked. It is audited.";
  static override args = {
    letter: Args.string({ ignoreStdin: true, description: "its number in af debug bus dead, or a run" }),
  };
  static override flags = {
    all: Flags.boolean({ description: "all that match, not one" }),
    filter: Flags.string({
      char: "l",
      description: "with --all: pool=POOL, run=RUN or reason=TEXT; may be given several times",
      multiple: true,
      helpValue: "KEY=VALUE",
    }),
    "dry-run": Flags.boolean({ description: "only say what would be sent" }),
    yes: Flags.boolean({ char: "y", description: "do not ask" }),
  };
  static override examples = [
    "af debug bus redrive 17",
    "af debug bus redrive --all --dry-run",
    "af debug bus redrive --all -l pool=default -l reason=newer_version --yes",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DebugBusRedrive);
    if ((args.letter === undefined) === !flags.all) throw whichOnes();
    const client = await this.connect(flags, { changes: true });
    const body = await bodyOf(client, args.letter, flags.filter ?? []);
    const planned = await redriveAll(client, { ...body, dryRun: true });
    const sending = planned.filter(({ outcome }) => outcome === "would_send");
    if (flags["dry-run"] || sending.length === 0) return this.#told(planned, flags["dry-run"]);
    if (!flags.yes && !(await this.#confirmed(sending, this.mayAsk(flags)))) return;
    this.#told(await redriveAll(client, body), false);
  }

  #told(items: readonly RedriveItem[], dryRun: boolean): void {
    this.output.data({ dryRun, items });
    if (items.some(({ outcome }) => outcome === "failed")) this.exitWith(errorTable.unavailable.exit);
    if (dryRun && items.some(({ outcome }) => outcome === "would_send"))
      this.exitWith(exitCodes.changesPending);
    if (this.output.json) return;
    if (items.length === 0) return this.output.say("No dead letters match.");
    printTable(this.output, redriveColumns(), items);
    const sent = items.filter(({ outcome }) => outcome === "sent").length;
    if (sent > 0) this.output.say([dim("how they stand: "), cyan("af debug bus dead")]);
    else if (!dryRun) this.output.say("Nothing was left to send.");
  }

  async #confirmed(sending: readonly RedriveItem[], mayAsk: boolean): Promise<boolean> {
    const runs = new Set(sending.map(({ tenant, run }) => `${tenant} ${run ?? ""}`)).size;
    const what = `${sending.length} tasks of ${runs} runs`;
    if (!mayAsk) {
      throw new AgentFlowError("invalid_input", `${what} would be sent again, and nobody can be asked here`, {
        reason: "confirmation_needed",
        suggestions: ["look first: --dry-run", "pass --yes"],
      });
    }
    printTable(this.output, redriveColumns(), sending.slice(0, shownMax));
    if (sending.length > shownMax) this.output.say(yellow(`… and ${sending.length - shownMax} more`));
    const { confirm } = await import("@inquirer/prompts");
    const isMeant = await confirm(
      { message: `Send ${what} to workers again?`, default: false },
      { output: process.stderr },
    );
    if (!isMeant) this.output.say(["Nothing was sent. ", bold("af debug bus dead"), " lists them."]);
    return isMeant;
  }
}

const shownMax = 20;
/** As many calls as the installation keeps letters for. */
const callsMax = 100;

/** A hundred a call, from the newest to the oldest. */
async function redriveAll(client: Client, body: RedriveBody): Promise<readonly RedriveItem[]> {
  const all: RedriveItem[] = [];
  let before: number | undefined;
  for (let call = 0; call < callsMax; call++) {
    const { items, more } = await client.bus.redrive({
      ...body,
      ...(before === undefined ? {} : { before }),
    });
    all.push(...items);
    before = items.at(-1)?.letter;
    if (!more || before === undefined) break;
  }
  return all;
}

async function bodyOf(
  client: Client,
  letter: string | undefined,
  filters: readonly string[],
): Promise<RedriveBody> {
  if (letter !== undefined && /^\d{1,15}$/.test(letter)) return { letters: [Number(letter)] };
  if (letter !== undefined) return { all: true, run: await resolveRun(client, letter) };
  const given = new Map(filters.map(readFilter));
  const [pool, run, reason] = [given.get("pool"), given.get("run"), given.get("reason")];
  if (pool !== undefined && !isId("pool", pool)) throw noFilter(`pool=${pool}`);
  return {
    all: true,
    ...(pool === undefined ? {} : { pool }),
    ...(run === undefined ? {} : { run: await resolveRun(client, run) }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function readFilter(text: string): readonly [string, string] {
  const [, key, value] = /^(pool|run|reason)=(.+)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) throw noFilter(text);
  return [key, value];
}

function noFilter(text: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `${JSON.stringify(text.slice(0, 60))} is no filter`, {
    reason: "usage",
    suggestions: ["-l pool=default", "-l run=@last", "-l reason=newer_version"],
  });
}

function whichOnes(): AgentFlowError {
  return new AgentFlowError("invalid_input", "which dead letters? one by its number, or --all", {
    reason: "usage",
    suggestions: ["af debug bus dead", "af debug bus redrive --all --dry-run"],
  });
}
