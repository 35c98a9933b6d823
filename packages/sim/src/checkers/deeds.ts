/**
 * What agents' tools did: only what the journal tells of, once where it cannot be undone, and by leave.
 */
import { canonicalJson } from "@agentflow/protocol";
import { createHash } from "node:crypto";
import type { Deed, Ledger } from "../house/ledger.ts";
import type { History } from "./history.ts";
import type { CallFacts, Journal } from "./journal.ts";

type Say = (run: string, what: string) => void;

interface Of {
  readonly journals: ReadonlyMap<string, Journal>;
  readonly histories: ReadonlyMap<string, History>;
  readonly ledger: Ledger;
}

export function checkDeeds({ journals, histories, ledger }: Of, say: Say): void {
  const byKey = Map.groupBy(ledger.deeds, ({ key }) => key);
  for (const [key, deeds] of byKey) {
    const [first] = deeds;
    if (first === undefined || ledger.isTorn(first.run)) continue;
    const { run, step } = first;
    const call = key.slice(`${run}:${step}:`.length);
    const facts = journals.get(`${run} ${step}`)?.calls.get(call);
    if (facts === undefined) {
      say(run, `${first.tool} acted under the key ${key}, of which no journal tells`);
      continue;
    }
    const retries = ledger.settled.filter((one) => {
      return one.run === run && one.call === `${step}/${call}` && one.as === "retry";
    });
    for (const fault of faultsOf(deeds, { facts, key, retries: retries.length })) say(run, fault);
    const leave = { history: histories.get(run), ledger, id: `${step}/${call}` };
    for (const deed of deeds) for (const fault of faultsOfLeave(deed, leave)) say(run, fault);
  }
  checkReturned(journals, { byKey, ledger }, say);
}

function faultsOf(
  deeds: readonly Deed[],
  { facts, key, retries }: { readonly facts: CallFacts; readonly key: string; readonly retries: number },
): string[] {
  const faults: string[] = [];
  const { starts } = facts;
  if (deeds.length > starts.length)
    faults.push(`${key} acted ${deeds.length} times, started ${starts.length}`);
  for (const [n, deed] of deeds.entries()) {
    const start = starts[n];
    const { tool, input, atMs } = deed;
    if (start === undefined || start.atMs > atMs) {
      faults.push(`${key} acted before the journal said that it begins`);
      continue;
    }
    const { uses, key: told, input: given } = start.event;
    if (told !== key || uses !== `tool:${tool}`) faults.push(`${key} acted as ${uses} under ${told}`);
    if (JSON.stringify("inline" in given ? given.inline : null) !== JSON.stringify(input))
      faults.push(`${key} acted on something else than the journal says`);
  }
  const isOnce = starts[0]?.event.effect === "irreversible";
  if (isOnce && deeds.length > 1 + retries) {
    faults.push(`the irreversible ${key} acted ${deeds.length} times, ${retries} by a person's word`);
  }
  return faults;
}

/** Somebody approved exactly this, before it was done. */
function faultsOfLeave(
  { tool, input, key, atMs }: Deed,
  { history, ledger, id }: { history: History | undefined; ledger: Ledger; id: string },
): string[] {
  if (tool !== "desk.sign") return [];
  const shown = canonicalJson({ uses: `tool:${tool}`, effect: "irreversible", input });
  const hash = createHash("sha256").update(shown).digest("hex");
  const n = history?.approvals.findIndex((one) => one.call === id) ?? -1;
  const approval = history?.approvals[n];
  if (approval === undefined) return [`${key} acted though nobody was asked`];
  if (approval.hash !== hash) return [`${key} acted on something else than was shown`];
  const { decided } = approval;
  if (decided?.approved !== true) return [`${key} acted though nobody approved it`];
  if (decided.how !== "person") return [`${key} acted though its time to be approved was over`];
  const said = ledger.decided.some((one) => {
    return one.approval === `${history?.run}-${n + 1}` && one.approve && one.hash === hash;
  });
  const isHeard = history?.commits.some(
    (commit) => commit.atMs <= atMs && commit.commit.events.includes(decided),
  );
  return said && isHeard ? [] : [`${key} acted before anybody said yes`];
}

/** What a journal says a tool returned, the tool did. */
function checkReturned(
  journals: ReadonlyMap<string, Journal>,
  { byKey, ledger }: { readonly byKey: ReadonlyMap<string, readonly Deed[]>; readonly ledger: Ledger },
  say: Say,
): void {
  for (const { run, step, calls } of journals.values()) {
    if (ledger.isTorn(run)) continue;
    for (const { id, result, part } of calls.values()) {
      if (result?.kind !== "call_returned" || !part.tool.startsWith("desk__")) continue;
      if (!byKey.has(`${run}:${step}:${id}`)) say(run, `call ${id} of ${step} returned and was never made`);
    }
  }
}
