/** What a model was told is what the journal says: each reply once, each call's end once, nothing else. */
import type { CallResult, Message } from "@agentflow/protocol";
import type { Ledger, ModelAsked } from "../house/ledger.ts";
import type { CallFacts, Journal } from "./journal.ts";

type Say = (run: string, what: string) => void;

export function checkConversations(
  { journals, ledger }: { readonly journals: ReadonlyMap<string, Journal>; readonly ledger: Ledger },
  say: Say,
): void {
  for (const ask of ledger.asks) {
    if (ledger.isTorn(ask.run)) continue;
    const journal = journals.get(`${ask.run} ${ask.step}`);
    if (journal === undefined) continue;
    const fault = faultOf(journal, ask) ?? faultOfAnswer(journal, ask);
    if (fault !== undefined) say(ask.run, `model call ${ask.n} of ${ask.step}: ${fault}`);
  }
}

/** What the journal calls the reply to a call is what the model said to it. */
function faultOfAnswer({ models }: Journal, { n, answered }: ModelAsked): string | undefined {
  const replied = models[n - 1]?.replied;
  if (replied === undefined) return undefined;
  if (answered === undefined) return "the journal has a reply that the model never gave";
  const [told, said] = [JSON.stringify(replied.reply), JSON.stringify(answered)];
  return told === said ? undefined : "the journal has another reply than the model gave";
}

function faultOf({ models, replies, calls }: Journal, { n, messages }: ModelAsked): string | undefined {
  const before = models[n - 1]?.called.place ?? 0;
  const known = replies.filter(({ place }) => place < before);
  const said = messages.filter(isAssistant);
  if (said.length !== known.length) return `was told of ${said.length} replies, not of ${known.length}`;
  const results = messages.flatMap((message) => (message.role === "tool" ? message.results : []));
  for (const [turn, reply] of known.entries()) {
    if (JSON.stringify(said[turn]?.parts) !== JSON.stringify(reply.said.reply.parts))
      return `reply ${turn + 1} was told otherwise`;
    for (const id of reply.calls) {
      const [told, call] = [results.shift(), calls.get(id)];
      if (call === undefined || !isTold(call, told)) return `was told of call ${id}: ${JSON.stringify(told)}`;
    }
  }
  return results.length === 0 ? undefined : `was told of ${results.length} calls that no reply asked for`;
}

function isAssistant(message: Message): message is Message & { readonly role: "assistant" } {
  return message.role === "assistant";
}

function isTold({ part, result }: CallFacts, told: CallResult | undefined): boolean {
  if (told === undefined || result === undefined || told.id !== part.id || told.tool !== part.tool)
    return false;
  const { event } = result;
  if (event.kind === "call_returned" && "inline" in event.output)
    return JSON.stringify(told.output) === JSON.stringify(event.output.inline) && told.failed !== true;
  if (event.kind === "handed_off" || event.kind === "call_returned") return told.failed !== true;
  if (event.kind === "call_resolved" && event.as === "done") return told.failed !== true;
  return told.failed === true;
}
