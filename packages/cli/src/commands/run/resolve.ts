import { AgentFlowError, type RunView } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { ApiCommand } from "../../api-command.ts";
import { Args, Flags } from "../../flags.ts";
import { bold } from "../../output/text.ts";
import { statusText } from "../../runs/outcome.ts";
import { readInput, readStdin } from "../../runs/parse-input.ts";
import { resolveRun } from "../../runs/resolve-run.ts";

export default class RunResolve extends ApiCommand {
  static override summary = "Say what became of a step whose outcome is unknown";
  static override description =
    "An irreversible call that was interrupted is never repeated by itself.\n" +
    "Look, then say: it was done, it failed, or do it again.";
  static override args = {
    run: Args.string({ required: true, description: "id, its beginning, or @last" }),
    step: Args.string({
      ignoreStdin: true,
      description: "the step; may be left out when only one is unknown",
    }),
  };
  static override flags = {
    step: Flags.string({
      description: "the same as the argument STEP",
      helpValue: "STEP",
    }),
    call: Flags.string({
      description: "the call in question, of an agent's step with more than one: as `af why` names it",
      helpValue: "CALL",
    }),
    as: Flags.option({
      description: "what became of it",
      options: ["done", "failed", "retry"] as const,
      required: true,
    })(),
    output: Flags.string({
      description: "with --as done: its output, as @file, - or JSON",
      helpValue: "JSON",
    }),
    message: Flags.string({ description: "with --as failed: why", helpValue: "TEXT" }),
  };
  static override examples = [
    "af run resolve @last --as retry",
    "af run resolve @last draft --call draft/2-0 --as failed",
    "af run resolve @last send --as done --output '{\"sent\": true}'",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RunResolve);
    const client = await this.connect(flags, { changes: true });
    const run = await resolveRun(client, args.run);
    const words = flags.output === undefined ? [] : [flags.output];
    const output = await readInput(words, { folder: this.folder(flags), readStdin });
    const view = await client.runs.get(run);
    const step = args.step ?? flags.step ?? onlyUnknown(view);
    const attempt = view.steps.find((one) => one.step === step)?.attempts.at(-1);
    // What a call of an agent gave is told to the agent: whatever it is, the agent goes on.
    const isCall = attempt?.outcome === "suspended";
    if (flags.as === "done" && output === undefined && !isCall) await refuseMissingOutput(client, view, step);
    const answer = await client.runs.resolve(run, {
      step,
      ...(flags.call === undefined ? {} : { call: flags.call }),
      as: flags.as,
      ...(output === undefined ? {} : { output }),
      ...(flags.message === undefined ? {} : { message: flags.message }),
    });
    this.output.data(answer);
    this.output.line([
      "step ",
      bold(step),
      ` is settled as ${flags.as}; run `,
      bold(run),
      " is ",
      statusText(answer.status),
    ]);
    if (isCall && flags.as === "done" && output === undefined)
      this.output.say("the agent is told that the call gave null; --output JSON says what it gave");
  }
}

function onlyUnknown(view: RunView): string {
  const unknown = view.steps.filter(({ status }) => status === "unknown").map(({ step }) => step);
  const [only] = unknown;
  if (only !== undefined && unknown.length === 1) return only;
  const none = unknown.length === 0;
  throw new AgentFlowError(
    none ? "refused" : "invalid_input",
    none
      ? `no step of run ${view.run} has an unknown outcome`
      : `${unknown.length} steps have an unknown outcome`,
    {
      reason: none ? "nothing_unknown" : "step_needed",
      suggestions: none
        ? [`af why ${view.run}`]
        : unknown.slice(0, 3).map((step) => `af run resolve ${view.run} ${step} --as done`),
    },
  );
}

/**
 * Done without an output is done with null. Where the tool's output is an object that the steps behind it
 * read, that null would fail the run for good, so it must be said.
 */
async function refuseMissingOutput(client: Client, view: RunView, step: string): Promise<void> {
  const uses = view.steps.find((one) => one.step === step)?.uses ?? "";
  const { items } = uses.startsWith("agent:") ? await client.agents.list() : await client.tools.list();
  const output = items.find(({ name }) => name === uses.slice(uses.indexOf(":") + 1))?.output;
  const keys = output?.["type"] === "object" ? requiredOf(output["required"]) : [];
  if (keys.length === 0) return;
  const example = `{${keys.map((key) => `"${key}": …`).join(", ")}}`;
  throw new AgentFlowError(
    "invalid_input",
    `step ${step} is done with an output: ${uses} gives ${keys.join(", ")}`,
    {
      reason: "output_needed",
      suggestions: [
        `af run resolve ${view.run} ${step} --as done --output '${example}'`,
        "--output null says that there is none",
      ],
    },
  );
}

function requiredOf(required: unknown): string[] {
  return Array.isArray(required) ? required.filter((key) => typeof key === "string") : [];
}
