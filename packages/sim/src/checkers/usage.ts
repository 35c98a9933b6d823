/** What runs and steps say that they used up is what their journals say, to the last token and cent. */
import type { UsageTotals } from "@agentflow/protocol";
import type { History } from "./history.ts";
import type { Journal } from "./journal.ts";

type Say = (run: string, what: string) => void;

interface Totals {
  readonly tokens: number;
  readonly modelCalls: number;
  readonly toolCalls: number;
  /** In whole millionths of a millionth. */
  readonly usd: bigint;
}

const none: Totals = { tokens: 0, modelCalls: 0, toolCalls: 0, usd: 0n };

/** A step's own end tells of all its journals; of one that ended otherwise, what was told last counts. */
export function checkUsage(
  history: History,
  of: { readonly journals: ReadonlyMap<string, Journal>; readonly shown: UsageTotals | undefined },
  say: Say,
): void {
  const told = new Map<string, UsageTotals>();
  for (const { commit } of history.commits) {
    for (const event of commit.events) {
      if ("usage" in event && event.usage !== undefined) told.set(event.step, event.usage);
      if (event.kind !== "step_succeeded" || event.usage === undefined) continue;
      const journals = [...of.journals.values()].filter((one) =>
        isBelow(one, { ...event, run: history.run }),
      );
      const wanted = journals.map(totalsOf).reduce(add, none);
      const given = readTotals(event.usage);
      if (show(given) !== show(wanted))
        say(history.run, `${event.step} used ${show(given)}, its journals say ${show(wanted)}`);
    }
  }
  const sum = [...told.values()].map(readTotals).reduce(add, none);
  const shown = of.shown === undefined ? none : readTotals(of.shown);
  if (show(shown) !== show(sum))
    say(history.run, `is shown to have used ${show(shown)}, its steps ${show(sum)}`);
}

function isBelow(journal: Journal, { run, step }: { readonly run: string; readonly step: string }): boolean {
  return journal.run === run && (journal.step === step || journal.step.startsWith(`${step}~`));
}

/** A reply costs what it says; a call whose reply was lost or broke off, all that was set aside for it. */
function totalsOf({ models, calls }: Journal): Totals {
  let { tokens, usd } = none;
  let notBefore = "";
  for (const { replied, failed, end, lostAt, called } of models) {
    if (replied !== undefined) {
      tokens += replied.reply.usage.inputTokens + replied.reply.usage.outputTokens;
      usd += units(replied.usd);
    }
    if (end !== "lost") notBefore = failed?.retryAt ?? "";
    // A reply that had begun is paid, whatever became of it.
    const isPaid = failed?.begun === true;
    // Before its time nobody can have made it.
    if (!isPaid && (end !== "lost" || lostAt < notBefore)) continue;
    tokens += called.event.reserved.tokens;
    usd += units(called.event.reserved.usd);
  }
  const made = [...calls.values()].filter(({ starts }) => starts[0]?.event.uses.startsWith("tool:") === true);
  return { tokens, usd, modelCalls: models.length, toolCalls: made.length };
}

function readTotals({ inputTokens, outputTokens, modelCalls, toolCalls, usd }: UsageTotals): Totals {
  return { tokens: inputTokens + outputTokens, modelCalls, toolCalls, usd: units(usd) };
}

function add(a: Totals, b: Totals): Totals {
  return {
    tokens: a.tokens + b.tokens,
    modelCalls: a.modelCalls + b.modelCalls,
    toolCalls: a.toolCalls + b.toolCalls,
    usd: a.usd + b.usd,
  };
}

function units(usd = "0"): bigint {
  const [whole = "0", part = ""] = usd.split(".");
  return BigInt(whole) * 10n ** 12n + BigInt(part.padEnd(12, "0"));
}

function show({ tokens, modelCalls, toolCalls, usd }: Totals): string {
  return `${tokens} tokens, ${modelCalls} model calls, ${toolCalls} tool calls, ${usd} units`;
}
