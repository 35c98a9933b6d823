import { ApiCommand } from "../api-command.ts";
import type { AuditItem, AuditPage } from "@agentflow/sdk/client";
import { Flags } from "../flags.ts";
import { printTable } from "../output/table.ts";
import { green, red } from "../output/text.ts";
import { ago } from "../output/when.ts";
import { readSince } from "../runs/parse-since.ts";

const pageMax = 1_000;

export default class Audit extends ApiCommand {
  static override summary = "Show who did what: the audit trail";
  static override description =
    "Workflows registered, runs cancelled, approvals decided, calls that agents were refused, keys made\n" +
    "and revoked, backups. With --installation what was refused at the API and on the bus: who asked, for\n" +
    "what, and how many more; it needs the scope operator.";
  static override flags = {
    installation: Flags.boolean({ description: "the installation's own trail, where refusals are" }),
    since: Flags.string({ description: "at or after: 10m, or a time", helpValue: "WHEN" }),
    limit: Flags.integer({ description: "the newest so many", default: 50, min: 1, max: 10_000 }),
  };
  static override examples = [
    "af audit",
    "af audit --installation --since 1h",
    "af audit --json --limit 500",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(Audit);
    const { since, limit } = flags;
    const client = await this.connect(flags);
    const fromMs = since === undefined ? 0 : Date.parse(readSince(since, Date.now()));
    let newest: AuditItem[] = [];
    for (let after: number | undefined = 0; after !== undefined; ) {
      const { installation } = flags;
      const page: AuditPage = await client.audit({ installation, after, limit: pageMax });
      newest = [...newest, ...page.records.filter(({ at }) => Date.parse(at) >= fromMs)].slice(-limit);
      after = page.next;
    }
    this.output.data({ records: newest });
    if (this.output.json) return;
    if (newest.length === 0) this.output.say("Nothing.");
    else printTable(this.output, columns(Date.now()), newest);
  }
}

function columns(nowMs: number) {
  return [
    { title: "AT", of: ({ at }: AuditItem) => ago(at, nowMs) },
    { title: "BY", of: ({ by, worker }: AuditItem) => (worker === undefined ? by : `${by}, ${worker}`) },
    {
      title: "DID",
      of: ({ did, tool }: AuditItem) => (tool === undefined ? did : `${did} ${tool.slice(0, 60)}`),
    },
    {
      title: "OUTCOME",
      of: ({ outcome, reason, leftOut = 0 }: AuditItem) => [
        outcome === "done" ? green(reason ?? outcome) : red(reason ?? outcome),
        leftOut > 0 ? `, and ${leftOut} more` : "",
      ],
    },
    {
      title: "TO",
      of: ({ to = "", tool }: AuditItem) => (tool === undefined ? to : `${to} ${tool}`),
      flexible: true,
    },
  ];
}
