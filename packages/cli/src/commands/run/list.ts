import type { RunSummary } from "@agentflow/protocol";
import { ApiCommand } from "../../api-command.ts";
import { Flags } from "../../flags.ts";
import { shellWord } from "../../output/shell-word.ts";
import { type Column, printTable } from "../../output/table.ts";
import { cyan, dim } from "../../output/text.ts";
import { ago, took } from "../../output/when.ts";
import { statusText } from "../../runs/outcome.ts";
import { readSince } from "../../runs/parse-since.ts";

const limitPreset = 20;

export default class RunList extends ApiCommand {
  static override summary = "List runs, the newest first";
  static override flags = {
    status: Flags.string({
      description: "running, parked, completed, failed, cancelled; with commas",
      helpValue: "STATUS",
    }),
    workflow: Flags.string({ description: "of this workflow only", helpValue: "NAME" }),
    label: Flags.string({ char: "l", description: "with this label only", helpValue: "KEY=VALUE" }),
    since: Flags.string({ description: "started at or after: 10m, or a time", helpValue: "WHEN" }),
    until: Flags.string({ description: "started before: 10m, or a time", helpValue: "WHEN" }),
    limit: Flags.integer({ description: "at most so many", default: limitPreset, min: 1, max: 500 }),
    cursor: Flags.string({ description: "the next page, as the page before said", helpValue: "CURSOR" }),
  };
  static override examples = [
    "af run list",
    "af run list --status failed,parked --since 1h",
    "af run list --json --limit 5",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(RunList);
    const client = await this.connect(flags);
    const { status, workflow, label, cursor, limit } = flags;
    const page = await client.runs.list({
      limit,
      ...(status === undefined ? {} : { status }),
      ...(workflow === undefined ? {} : { workflow }),
      ...(label === undefined ? {} : { label }),
      ...(cursor === undefined ? {} : { cursor }),
      ...(flags.since === undefined ? {} : { since: readSince(flags.since, Date.now()) }),
      ...(flags.until === undefined ? {} : { until: readSince(flags.until, Date.now()) }),
    });
    this.output.data(
      { runs: page.runs },
      { revision: page.revision, ...(page.cursor ? { cursor: page.cursor } : {}) },
    );
    if (this.output.json) return;
    if (page.runs.length === 0) this.output.say(["No runs. Start one: ", cyan("af run WORKFLOW")]);
    else printTable(this.output, columns(Date.now()), page.runs);
    if (page.cursor !== undefined)
      this.output.say([dim("more: "), cyan(`af run list ${nextPage(flags, page.cursor)}`)]);
  }
}

type Asked = { readonly [flag in (typeof kept)[number]]?: string | number | undefined };

const kept = ["status", "workflow", "label", "since", "until", "limit"] as const;

/** The same question, from where this page ends. */
function nextPage(flags: Asked, cursor: string): string {
  const same = kept.flatMap((name) => {
    const value = flags[name];
    const preset = name === "limit" && value === limitPreset;
    return value === undefined || preset ? [] : [`--${name} ${shellWord(String(value))}`];
  });
  return [...same, `--cursor ${cursor}`].join(" ");
}

function columns(nowMs: number): Column<RunSummary>[] {
  return [
    { title: "RUN", of: ({ run }) => run },
    { title: "WORKFLOW", of: ({ workflow }) => workflow, flexible: true },
    { title: "STATUS", of: ({ status }) => statusText(status) },
    { title: "STARTED", of: ({ startedAt }) => ago(startedAt, nowMs) },
    { title: "TOOK", of: ({ startedAt, endedAt }) => took(startedAt, endedAt, nowMs), side: "right" },
  ];
}
