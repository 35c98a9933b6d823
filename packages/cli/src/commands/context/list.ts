import { sep } from "node:path";
import { AgentFlowCommand } from "../../base-command.ts";
import { isClusterName } from "../../config/cluster-name.ts";
import { chooseContext } from "../../config/choose-context.ts";
import { contextPlaces, type ContextPlaces } from "../../config/context-places.ts";
import { type Context, findContext, listContexts, tokenOf } from "../../config/contexts.ts";
import type { Probed } from "../../contexts/probe.ts";
import { Flags } from "../../flags.ts";
import { type Column, printTable } from "../../output/table.ts";
import { addressText } from "../../output/where.ts";
import { bold, cyan, dim, green, red, type Text, yellow } from "../../output/text.ts";

interface Row {
  readonly context: Context;
  readonly inUse: boolean;
  readonly probed: Probed | undefined;
}

export default class ContextList extends AgentFlowCommand {
  static override summary = "List the installations that commands here can speak to";
  static override description =
    "dev is what af dev runs in this project; each target of containers has a context under its own name; " +
    "others are your own (af context add). Of clusters k8s:CONTEXT/NAMESPACE is a name without further " +
    "ado. * marks the one in use.";
  static override flags = {
    check: Flags.boolean({ description: "ask each of them: version, and how quickly it answers" }),
  };
  static override examples = ["af context list", "af context list --check", "af context list --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(ContextList);
    const places = contextPlaces({ folder: this.folder(flags), environment: process.env });
    const choice = chooseContext(places, { environment: process.env });
    const isSpelled = choice.kind === "context" && isClusterName(choice.name);
    const contexts = [...listContexts(places), ...(isSpelled ? [findContext(places, choice.name)] : [])];
    const rows = await Promise.all(
      contexts.map(async (context): Promise<Row> => {
        const inUse = choice.kind === "context" && choice.name === context.name;
        return { context, inUse, probed: flags.check ? await probed(places, context) : undefined };
      }),
    );
    this.output.data({ items: rows.map(shownAsData), inUse: inUseOf(choice), by: choice.by });
    if (this.output.json) return;
    const fileOf = (file: string): string => shortPath(file, places.project, process.env["HOME"]);
    if (rows.length > 0) printTable(this.output, columnsOf(flags.check, fileOf), rows);
    else this.output.line(["none here: ", cyan("af context add NAME --url URL")]);
    this.#explain(choice, rows);
  }

  /** Where the choice came from, when that is not what one would guess. */
  #explain(choice: ReturnType<typeof chooseContext>, rows: readonly Row[]): void {
    if (choice.kind === "url") {
      this.output.say([yellow(`${choice.place} overrules them all: commands go to `), choice.url]);
    } else if (choice.by !== "default") {
      const isThere = rows.some(({ inUse }) => inUse);
      this.output.say(dim(`${choice.name} is in use by ${choice.place}`));
      if (!isThere) this.output.say(yellow(`there is no context ${choice.name}: af context use NAME`));
    }
  }
}

async function probed(places: ContextPlaces, context: Context): Promise<Probed | undefined> {
  if (context.state === "not-up") return undefined;
  const { probeContext } = await import("../../contexts/probe.ts");
  return probeContext(context, () => tokenOf(places, context));
}

function inUseOf(choice: ReturnType<typeof chooseContext>): string | null {
  return choice.kind === "context" ? choice.name : null;
}

function shownAsData({ context, inUse, probed }: Row): unknown {
  const { fault, engine, ...rest } = context;
  return {
    ...rest,
    inUse,
    ...(engine === undefined ? {} : { engine: engine.host }),
    ...(fault === undefined ? {} : { problem: fault.message }),
    ...(probed === undefined ? {} : { check: checkAsData(probed) }),
  };
}

function checkAsData({ error, ...rest }: Probed): unknown {
  return error === undefined ? rest : { ...rest, code: error.code, problem: error.message };
}

/** As the project's folder or the user's own has it: whole in `--json` and in `af context show`. */
function shortPath(file: string, project: string | undefined, home: string | undefined): string {
  if (project !== undefined && file.startsWith(`${project}${sep}`)) return file.slice(project.length + 1);
  if (home !== undefined && home !== "" && file.startsWith(`${home}${sep}`))
    return `~${file.slice(home.length)}`;
  return file;
}

function columnsOf(check: boolean, fileOf: (file: string) => string): readonly Column<Row>[] {
  const columns: Column<Row>[] = [
    { title: " ", of: ({ inUse }) => (inUse ? green("*") : " ") },
    { title: "NAME", of: ({ context, inUse }) => (inUse ? bold(context.name) : context.name) },
    { title: "KIND", of: ({ context }) => context.kind },
    { title: "ADDRESS", of: ({ context }) => addressOf(context), flexible: true },
  ];
  if (check)
    columns.push({ title: "ANSWER", of: ({ context, probed }) => answerOf(context, probed), flexible: true });
  return [...columns, { title: "FROM", of: ({ context }) => dim(fileOf(context.file)), flexible: true }];
}

function addressOf(context: Context): Text {
  const { state, fault, kind, target, name } = context;
  if (fault !== undefined) return red(fault.message);
  if (state === "not-up") {
    const start = kind === "kubernetes" ? "af deploy" : "af up";
    return dim(kind === "dev" ? "not running: af dev" : `not up: ${start} ${target ?? name}`);
  }
  return addressText({ url: context.url ?? "", urls: context.urls, context });
}

function answerOf(context: Context, probed: Probed | undefined): Text {
  if (probed === undefined) return dim("–");
  const { ok, version, ms, error } = probed;
  if (ok) return [green("✓ "), version ?? "", dim(`  ${ms ?? 0}ms`)];
  return red(
    `✗ ${context.fault === undefined ? (error?.message ?? "no answer") : "its file cannot be used"}`,
  );
}
