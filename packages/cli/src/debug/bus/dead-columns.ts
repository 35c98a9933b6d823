/** Dead letters in a table, and what may be done about their reasons. */
import type { DeadLetterView, RedriveItem } from "@agentflow/protocol";
import type { Column } from "../../output/table.ts";
import { dim, green, red, type Text, yellow } from "../../output/text.ts";
import { ago } from "../../output/when.ts";

export function deadColumns(
  letters: readonly DeadLetterView[],
  nowMs: number,
): readonly Column<DeadLetterView>[] {
  const several = new Set(letters.map(({ tenant }) => tenant)).size > 1;
  return [
    { title: "LETTER", of: ({ letter }) => String(letter), side: "right" },
    ...(several ? [{ title: "TENANT", of: ({ tenant }: DeadLetterView) => tenant }] : []),
    { title: "POOL", of: ({ pool }) => pool },
    { title: "RUN", of: ({ run }) => run ?? "–" },
    { title: "STEP", of: stepText },
    { title: "STATE", of: ({ state }) => stateText(state) },
    { title: "TIMES", of: ({ times }) => String(times), side: "right" },
    { title: "SINCE", of: ({ since }) => ago(since, nowMs) },
    { title: "WHY", of: ({ reason }) => reason, flexible: true },
  ];
}

export function redriveColumns(): readonly Column<RedriveItem>[] {
  return [
    { title: "LETTER", of: ({ letter }) => String(letter), side: "right" },
    { title: "RUN", of: ({ run }) => run ?? "–" },
    { title: "STEP", of: ({ step }) => step ?? "–" },
    {
      title: "OUTCOME",
      of: ({ outcome, message }) => [outcomeText(outcome), message === undefined ? "" : dim(`  ${message}`)],
    },
  ];
}

function stepText({ step, attempt }: DeadLetterView): Text {
  if (step === undefined) return "–";
  return attempt === undefined || attempt === 1 ? step : [step, dim(` #${attempt}`)];
}

function stateText(state: DeadLetterView["state"]): Text {
  if (state === "open") return red("open");
  return state === "working" || state === "queued"
    ? yellow(state)
    : state === "settled"
      ? green(state)
      : dim(state);
}

function outcomeText(outcome: RedriveItem["outcome"]): Text {
  if (outcome === "sent") return green("sent again");
  if (outcome === "would_send") return yellow("would be sent again");
  if (outcome === "failed") return red(outcome);
  return dim(said[outcome] ?? outcome);
}

const said: { readonly [outcome: string]: string | undefined } = {
  working: "a worker is at it",
  queued: "lies in the queue already",
};

/** What to do before a task is sent again; undefined where nothing is known of the reason. */
export function cureOf(reason: string): string | undefined {
  if (reason === "newer_version")
    return "start a worker of the control plane's release first: af worker list";
  if (reason === "not_json" || reason === "not_a_task")
    return "nobody could read the task; sent again it is made anew from the run's history";
  if (reason.startsWith("it was handed out"))
    return "workers ended over it: look at af logs --source worker,runner, and mend the code first";
  return undefined;
}
