import type { ApprovalView } from "@agentflow/protocol";
import { ApiCommand } from "../../api-command.ts";
import { approvalStatus } from "../../approvals/shown.ts";
import { Flags } from "../../flags.ts";
import { type Column, printTable } from "../../output/table.ts";
import { cyan, dim } from "../../output/text.ts";
import { ago } from "../../output/when.ts";
import { resolveRun } from "../../runs/resolve-run.ts";

export default class ApprovalsList extends ApiCommand {
  static override summary = "List what people are asked, the newest first";
  static override flags = {
    status: Flags.string({
      description: "open, decided, approved, denied, expired, withdrawn; with commas",
      default: "open",
      helpValue: "STATUS",
    }),
    run: Flags.string({ description: "of this run only", helpValue: "RUN" }),
    limit: Flags.integer({ description: "at most so many", default: 20, min: 1, max: 200 }),
    cursor: Flags.string({ description: "the next page, as the page before said", helpValue: "CURSOR" }),
  };
  static override examples = ["af approvals list", "af approvals list --status decided --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(ApprovalsList);
    const client = await this.connect(flags);
    const { status, limit, cursor } = flags;
    const page = await client.approvals.list({
      status,
      limit,
      ...(flags.run === undefined ? {} : { run: await resolveRun(client, flags.run) }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    this.output.data({ approvals: page.approvals }, page.cursor === undefined ? {} : { cursor: page.cursor });
    if (this.output.json) return;
    if (page.approvals.length === 0)
      this.output.say([
        status === "open" ? "Nobody is asked for anything now." : `No approvals are ${status}.`,
      ]);
    else printTable(this.output, columns(Date.now(), status === "open"), page.approvals);
    const [first] = page.approvals;
    if (status === "open" && first !== undefined) {
      this.output.say([dim("look at one: "), cyan(`af approvals show ${first.approval}`)]);
    }
    if (page.cursor !== undefined) this.output.say([dim("more: "), cyan(`--cursor ${page.cursor}`)]);
  }
}

/** Where all are open, their status and who decided are left out. */
function columns(nowMs: number, open: boolean): Column<ApprovalView>[] {
  const all: Column<ApprovalView>[] = [
    { title: "APPROVAL", of: ({ approval }) => approval },
    { title: "DOES", of: ({ shown }) => shown.uses, flexible: true },
    { title: "STEP", of: ({ workflow, step }) => `${workflow}/${step}`, flexible: true },
    { title: "STATUS", of: ({ status }) => approvalStatus(status) },
    { title: "ASKED", of: ({ requestedAt }) => ago(requestedAt, nowMs) },
    {
      title: "EXPIRES",
      of: ({ status, expiresAt }) => (status === "open" ? ago(expiresAt, nowMs) : "–"),
    },
    { title: "BY", of: ({ by }) => by ?? "–" },
  ];
  return open ? all.filter(({ title }) => title !== "STATUS" && title !== "BY") : all;
}
