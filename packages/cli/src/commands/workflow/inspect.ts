import { AgentFlowError, type PlanUses, type WorkflowView } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { ApiCommand } from "../../api-command.ts";
import { Args, Flags } from "../../flags.ts";
import { pick } from "../../not-found.ts";
import { printFindings } from "../../output/findings.ts";
import { printSchema } from "../../output/schema-table.ts";
import { heading, printRecord, printTable } from "../../output/table.ts";
import { type Text, yellow } from "../../output/text.ts";
import { ago } from "../../output/when.ts";
import { inOrderOfNeeds } from "../../runs/step-order.ts";

export default class WorkflowInspect extends ApiCommand {
  static override summary = "Show a workflow: steps, input, versions";
  static override args = {
    workflow: Args.string({ required: true, description: "name, or its unique beginning" }),
  };
  static override flags = {
    version: Flags.string({ description: "a version; the newest when left out", helpValue: "HASH" }),
  };
  static override examples = ["af workflow inspect hello", "af workflow inspect hello --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(WorkflowInspect);
    const client = await this.connect(flags);
    const view = await getWorkflow(client, args.workflow, flags.version);
    this.output.data(view);
    if (this.output.json) return;
    printRecord(this.output, [
      ["workflow", view.name],
      ["what", view.description],
      ["removed", removedText(view)],
      ["file", view.file],
      ["version", view.version],
      ["build", view.build],
      ["versions", view.versions.length > 1 ? view.versions.join(", ") : undefined],
    ]);
    printSchema(this.output, "Input", view.input);
    heading(this.output, "Steps");
    printTable(
      this.output,
      [
        { title: "STEP", of: ([name]) => name, flexible: true },
        { title: "USES", of: ([, { uses }]) => usesText(uses), flexible: true },
        { title: "AFTER", of: ([, { needs }]) => needs.join(", ") || "–", flexible: true },
        { title: "TRIES", of: ([, { retry }]) => String(retry.max), side: "right" },
      ],
      inOrderOfNeeds(Object.entries(view.compiled.steps)),
    );
    if (view.findings.length > 0) printFindings(this.output, view.findings);
  }
}

async function getWorkflow(client: Client, name: string, version: string | undefined): Promise<WorkflowView> {
  try {
    return await client.workflows.get(name, version);
  } catch (error) {
    if (!AgentFlowError.is(error) || error.code !== "not_found" || version !== undefined) throw error;
    const { items } = await client.workflows.list();
    return client.workflows.get(pick({ kind: "workflow", name, items, nameOf: (item) => item.name }).name);
  }
}

function removedText({ removedAt }: WorkflowView): Text | undefined {
  if (removedAt === undefined) return undefined;
  return yellow(`${ago(removedAt, Date.now())}: its file is gone; it starts no runs until that is put back`);
}

function usesText(uses: PlanUses): string {
  return "name" in uses ? `${uses.kind}:${uses.name}` : uses.kind;
}
