import { instant } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { callables, rulesOf } from "./fixtures/rules.ts";
import { Walk, approval, ask, resolution } from "./fixtures/walk.ts";
import { turnDeadline, usageOf } from "./index.ts";
import { canonicalJson } from "@agentflow/protocol";

function begun(...rules: Parameters<typeof rulesOf>): Walk {
  return new Walk(rulesOf(...rules)).begin();
}

/** What a suspended walk asks first. */
function asked(walk: Walk) {
  const suspend = walk.commands.find(({ kind }) => kind === "suspend");
  const first = suspend?.kind === "suspend" ? suspend.asks[0] : undefined;
  if (first?.kind !== "approval") throw new Error("nobody was asked");
  return first;
}

function failureOf(walk: Walk) {
  const fail = walk.commands.find(({ kind }) => kind === "fail");
  return fail?.kind === "fail" ? fail.failure : undefined;
}

describe("a loop", () => {
  test("begins with the first messages and a model call", () => {
    begun()
      .thenEvents("attempt_took_over 1", "agent_started", "model_called 1 default")
      .thenCommands("call_model 1 default");
  });

  test("ends with the text of a reply without calls", () => {
    begun()
      .reply("It is ", "on its way.")
      .thenEvents("model_replied 1 default", "agent_finished")
      .thenCommands('finish {"inline":{"text":"It is on its way."}}');
  });

  test("makes the calls of a reply side by side and asks the model when all have ended", () => {
    begun()
      .reply(ask("orders__find"), ask("notes__put"))
      .thenEvents("model_replied 1 default", "call_started 1-1", "call_started 1-2")
      .thenCommands("call_tool 1-1 orders.find", "call_tool 1-2 notes.put")
      .returns("1-2")
      .thenEvents("call_returned 1-2")
      .thenCommands()
      .returns("1-1", { state: "sent" })
      .thenEvents("call_returned 1-1", "model_called 2 default")
      .thenCommands("call_model 2 default");
  });

  test("gives a tool the same key in every attempt", () => {
    const walk = begun().reply(ask("notes__put"));
    const key = () => walk.commands.map((command) => ("key" in command ? command.key : ""));
    expect(key()).toEqual(["r1:answer:1-1"]);
    walk.begin(2);
    expect(key()).toEqual(["r1:answer:1-1"]);
  });

  test("makes eight calls at a time; the rest as others end", () => {
    const walk = begun().reply(...Array.from({ length: 10 }, () => ask("orders__find")));
    expect(walk.commands).toHaveLength(8);
    walk.returns("1-3").thenCommands("call_tool 1-9 orders.find");
    walk.returns("1-1").thenCommands("call_tool 1-10 orders.find");
    walk.returns("1-2").thenCommands();
  });

  test("goes on when a tool fails: the model is told", () => {
    const walk = begun().reply(ask("orders__find")).fails("1-1", "no_such_order");
    walk.thenEvents("call_failed 1-1 no_such_order", "model_called 2 default");
    expect(walk.told()).toEqual({
      role: "tool",
      results: [
        {
          id: "p-orders__find",
          tool: "orders__find",
          failed: true,
          output: { error: { code: "no_such_order", message: "it broke" } },
        },
      ],
    });
  });

  test("takes what comes late or twice for nothing", () => {
    const walk = begun().reply(ask("orders__find"), ask("notes__put"));
    walk.replied({}).thenNothing();
    walk.returns("9-9").thenNothing();
    walk.returns("1-1").returns("1-1").thenNothing();
    walk.modelFails("model_timeout").thenNothing();
  });

  test("refuses the rules of another agent", () => {
    const walk = begun();
    walk.rules = rulesOf({ agent: "closer" });
    expect(() => walk.reply("x")).toThrow("given the rules of closer");
  });

  test("moves no more once it has ended; another attempt is told the end again", () => {
    const walk = begun().reply("Done.");
    walk.returns("1-1").thenNothing();
    walk.when({ kind: "stopped", failure: { code: "timeout", message: "late" } }).thenNothing();
    walk.begin(2).thenEvents("attempt_took_over 2").thenCommands('finish {"inline":{"text":"Done."}}');
  });
});

describe("calls that may not be made", () => {
  test.each([
    ["a tool of somebody else", ask("admin__drop"), "not_allowed"],
    ["an agent of somebody else", ask("agent__boss"), "not_allowed"],
    ["somebody else to hand over to", ask("transfer_to_boss"), "not_allowed"],
    ["a name that is made up", ask("search the web"), "unknown_tool"],
    ["arguments that do not fit", ask("orders__find", { id: "seven" }), "bad_input"],
    ["arguments beyond what is declared", ask("orders__find", { id: 7, sudo: true }), "bad_input"],
    [
      "arguments that are no JSON",
      { kind: "call", id: "p", tool: "orders__find", text: "{id:" },
      "bad_input",
    ],
    ["arguments that are too long", ask("agent__helper", "x".repeat(70_000)), "bad_input"],
    ["arguments that nest too deep", ask("agent__helper", nested(80)), "bad_input"],
  ] as const)("%s: refused, and the model is told", (_, part, reason) => {
    const walk = begun().reply(part);
    walk
      .thenEvents("model_replied 1 default", `call_refused 1-1 ${reason}`, "model_called 2 default")
      .thenCommands("call_model 2 default");
    expect(walk.told()).toMatchObject({
      role: "tool",
      results: [{ failed: true, output: { error: { code: reason } } }],
    });
  });

  test("a refusal names the tools there are, and what does not fit", () => {
    const walk = begun().reply(ask("admin__drop"), ask("orders__find", { id: "seven" }));
    const messages = walk.events.map((event) => (event.kind === "call_refused" ? event.message : ""));
    expect(messages.join("\n")).toContain("orders__find, notes__put, mail__send");
    expect(messages.join("\n")).toContain("/id must be integer, is string");
  });

  test("beyond 32 in one reply are refused, the first 32 are made", () => {
    const walk = begun().reply(...Array.from({ length: 34 }, () => ask("orders__find")));
    const refused = walk.events.filter(({ kind }) => kind === "call_refused");
    expect(refused.map((event) => ("call" in event ? event.call : ""))).toEqual(["1-33", "1-34"]);
  });

  test("three replies in a row with nothing else end the loop", () => {
    const walk = begun().reply(ask("nonsense")).reply(ask("nonsense"), ask("orders__find", 1));
    walk.reply(ask("nonsense")).thenCommands("fail agent_stuck");
    expect(failureOf(walk)?.details).toEqual({ refused: ["nonsense"] });
  });

  test("a call that was made in between keeps the loop alive", () => {
    const walk = begun().reply(ask("nonsense")).reply(ask("nonsense"));
    walk.reply(ask("nonsense"), ask("orders__find")).returns("3-2").thenCommands("call_model 4 default");
    walk.reply(ask("nonsense")).thenCommands("call_model 5 default");
  });

  test("a tool that later code does not have any more is refused when its turn comes", () => {
    const walk = begun().reply(...Array.from({ length: 9 }, () => ask("orders__find")));
    walk.rules = rulesOf({ callables: new Map([...callables].filter(([name]) => name !== "orders__find")) });
    walk.returns("1-1").thenEvents("call_returned 1-1", "call_refused 1-9 not_allowed");
  });
});

describe("a takeover", () => {
  test("counts a lost model call as spent and asks again", () => {
    const walk = begun();
    const [called] = walk.events.filter((event) => event.kind === "model_called");
    walk
      .begin(2)
      .thenEvents("attempt_took_over 2", "model_lost 1", "model_called 2 default")
      .thenCommands("call_model 2 default");
    const { spent } = walk.state.kind === "active" ? walk.state : { spent: undefined };
    expect(spent).toMatchObject({ inputTokens: called?.reserved.tokens, usd: called?.reserved.usd });
  });

  test("repeats pure, read and write calls under their keys", () => {
    begun()
      .reply(ask("orders__find"), ask("notes__put"))
      .returns("1-1")
      .begin(2)
      .thenEvents("attempt_took_over 2", "call_lost 1-2", "call_started 1-2")
      .thenCommands("call_tool 1-2 notes.put");
  });

  test("leaves an irreversible call to a person", () => {
    begun()
      .reply(ask("mail__send"))
      .begin(2)
      .thenEvents("attempt_took_over 2", "call_unknown 1-1")
      .thenCommands("suspend unknown answer/1-1");
  });

  test("finishes what else is under way before it waits for the person", () => {
    begun()
      .reply(ask("mail__send"), ask("notes__put"))
      .begin(2)
      .thenCommands("call_tool 1-2 notes.put")
      .returns("1-2")
      .thenCommands("suspend unknown answer/1-1");
  });

  test("calls a sub-agent again: its journal keeps what it did", () => {
    begun()
      .reply(ask("agent__helper"), ask("agent__helper"))
      .thenCommands("call_agent 1-1 helper answer~0", "call_agent 1-2 helper answer~1")
      .begin(2)
      .thenEvents("attempt_took_over 2")
      .thenCommands("call_agent 1-1 helper answer~0", "call_agent 1-2 helper answer~1")
      .loses("1-2")
      .thenCommands("call_agent 1-2 helper answer~1");
  });

  test("by an attempt that comes after a later one gets nothing", () => {
    begun().begin(3).begin(2).thenNothing();
  });

  test("keeps a pause of the model: a call before whose time nobody asked costs nothing", () => {
    const walk = begun().modelFails("model_rate_limited", { retryAfterMs: 5_000 });
    walk.nowMs += 4_000;
    walk.begin(2).thenEvents("attempt_took_over 2", "model_lost 2", "model_called 3 default");
    walk.thenCommands("call_model 3 default");
    expect(walk.commands).toMatchObject([{ notBefore: expect.any(String) }]);
    expect(usageOf(walk.state)).toMatchObject({ inputTokens: 0, modelCalls: 3 });
    walk.nowMs += 2_000;
    walk.begin(3).thenEvents("attempt_took_over 3", "model_lost 3", "model_called 4 default");
    expect(walk.commands).toMatchObject([{ n: 4, model: "default" }]);
    expect(walk.commands).not.toMatchObject([{ notBefore: expect.any(String) }]);
    expect(usageOf(walk.state).inputTokens).toBeGreaterThan(0);
  });

  test("a call whose runner ends again and again within one attempt has failed", () => {
    const walk = begun().reply(ask("notes__put"));
    for (const _ of [1, 2, 3]) walk.loses("1-1").thenEvents("call_lost 1-1", "call_started 1-1");
    walk.loses("1-1").thenEvents("call_lost 1-1", "call_failed 1-1 worker_lost", "model_called 2 default");
  });

  test("how often attempts are lost is not counted against a call: the run counts those", () => {
    // The model would ask anew, under another key, for what was perhaps done under this one.
    const walk = begun().reply(ask("notes__put"));
    for (const attempt of [2, 3, 4, 5]) {
      walk.begin(attempt).thenEvents(`attempt_took_over ${attempt}`, "call_lost 1-1", "call_started 1-1");
    }
  });

  test("an irreversible call whose runner is gone is left to a person at once", () => {
    begun().reply(ask("mail__send")).loses("1-1").thenEvents("call_unknown 1-1");
  });
});

describe("people", () => {
  test("are shown what a call would do, and asked before it is made", () => {
    const walk = begun().reply(ask("mail__refund"));
    walk.thenEvents("model_replied 1 default", "call_asked 1-1").thenCommands("suspend approval answer/1-1");
    const { shown, hash, tool, expiresMs } = asked(walk);
    expect(shown).toEqual({ uses: "tool:mail.refund", effect: "irreversible", input: { id: 7 } });
    expect([tool, expiresMs]).toEqual(["mail.refund", 60_000]);
    expect(hash).toBe(
      walk.rules.hash(canonicalJson({ input: { id: 7 }, effect: "irreversible", uses: "tool:mail.refund" })),
    );
  });

  test("who approve exactly that let the call be made", () => {
    const walk = begun().reply(ask("mail__refund"));
    walk
      .begin(2, [approval("answer/1-1", asked(walk).hash)])
      .thenEvents("attempt_took_over 2", "call_answered 1-1", "call_started 1-1")
      .thenCommands("call_tool 1-1 mail.refund");
  });

  test("who approve something else, or a call of another journal, have not answered", () => {
    const walk = begun().reply(ask("mail__refund"));
    const { hash } = asked(walk);
    const answers = [approval("answer/1-1", "0".repeat(64)), approval("answer~0/1-1", hash)];
    walk.begin(2, answers).thenEvents("attempt_took_over 2").thenCommands("suspend approval answer/1-1");
  });

  test.each([
    ["deny", { how: "person", comment: "too much" }, "denied", "a person denied this call: too much"],
    ["say nothing in time", { how: "expired" }, "expired", "nobody approved this call in time"],
  ] as const)("who %s it: the model is told", (_, said, reason, message) => {
    const walk = begun().reply(ask("mail__refund"));
    walk
      .begin(2, [approval("answer/1-1", asked(walk).hash, { approved: false, ...said })])
      .thenEvents(
        "attempt_took_over 2",
        "call_answered 1-1",
        `call_refused 1-1 ${reason}`,
        "model_called 2 default",
      );
    expect(walk.told()).toMatchObject({ results: [{ output: { error: { code: reason, message } } }] });
  });

  test("are asked for all at once; other calls go on meanwhile", () => {
    begun()
      .reply(ask("mail__refund"), ask("orders__find"), ask("mail__refund"))
      .thenCommands("call_tool 1-2 orders.find")
      .returns("1-2")
      .thenCommands("suspend approval answer/1-1, approval answer/1-3");
  });

  test.each([
    ["done", ["call_resolved 1-1 done", "model_called 2 default"]],
    ["failed", ["call_resolved 1-1 failed", "model_called 2 default"]],
    ["retry", ["call_resolved 1-1 retry", "call_started 1-1"]],
  ] as const)("who say that an unknown call is to be taken as %s are followed", (as, events) => {
    const walk = begun().reply(ask("mail__send")).begin(2);
    walk.begin(3, [resolution("answer/1-1", as, "sent")]).thenEvents("attempt_took_over 3", ...events);
    if (as === "done") expect(walk.told()).toMatchObject({ results: [{ output: "sent" }] });
  });

  test("are asked again when a repeated call is lost again: an answer counts once", () => {
    const walk = begun().reply(ask("mail__send")).begin(2);
    const retry = resolution("answer/1-1", "retry");
    walk.begin(3, [retry]).thenCommands("call_tool 1-1 mail.send");
    walk.begin(4, [retry]).thenCommands("suspend unknown answer/1-1");
    walk.begin(5, [retry, resolution("answer/1-1", "done")]).thenCommands("call_model 2 default");
  });

  test("whom a sub-agent waits for are waited for", () => {
    const ofHelper = {
      kind: "unknown",
      call: "answer~0/1-1",
      tool: "mail.send",
      reason: "lost",
      input: null,
    } as const;
    begun()
      .reply(ask("agent__helper"), ask("orders__find"))
      .when({ kind: "call_suspended", call: "1-1", asks: [ofHelper] })
      .thenEvents("call_suspended 1-1")
      .thenCommands()
      .returns("1-2")
      .thenCommands("suspend unknown answer~0/1-1")
      .begin(2)
      .thenEvents("attempt_took_over 2")
      .thenCommands("call_agent 1-1 helper answer~0");
  });
});

describe("a hand-off", () => {
  const closer = rulesOf({ agent: "closer", change: { model: "last" }, callables: new Map() });
  const handedOff = {
    kind: "handed_off",
    call: "1-2",
    to: "closer",
    model: "last",
    instructions: "Close.",
  } as const;

  test("comes after the other calls of the reply, and brings model and instructions", () => {
    const walk = begun().reply(ask("orders__find"), ask("transfer_to_closer", {}));
    walk.thenCommands("call_tool 1-1 orders.find").returns("1-1").thenCommands("hand_off 1-2 closer");
    walk.rules = closer;
    walk.when(handedOff).thenEvents("handed_off 1-2", "model_called 2 last");
    expect(walk.told()).toMatchObject({
      results: [{ output: "ok" }, { output: { transferredTo: "closer" } }],
    });
    walk.begin(2).thenEvents("attempt_took_over 2", "model_lost 2", "model_called 3 last");
  });

  test("is asked for again by the next attempt", () => {
    begun().reply(ask("transfer_to_closer", {})).begin(2).thenCommands("hand_off 1-1 closer");
  });

  test("to two agents at once goes to the first", () => {
    begun()
      .reply(ask("transfer_to_closer", {}), ask("transfer_to_closer", {}))
      .thenEvents("model_replied 1 default", "call_refused 1-2 not_allowed")
      .thenCommands("hand_off 1-1 closer");
  });

  test("that cannot be is told to the model", () => {
    begun()
      .reply(ask("transfer_to_closer", {}))
      .fails("1-1", "not_found")
      .thenEvents("call_failed 1-1 not_found", "model_called 2 default");
  });
});

describe("output by a schema", () => {
  const output = { type: "object", required: ["kind"], properties: { kind: { enum: ["late", "lost"] } } };

  test.each([
    ["as it is", '{"kind":"late"}'],
    ["between fences", '```json\n{"kind":"late"}\n```'],
  ])("is taken %s", (_, text) => {
    begun({ output }).reply(text).thenCommands('finish {"inline":{"kind":"late"}}');
  });

  test("that does not fit is sent back, with what is wrong", () => {
    const walk = begun({ output }).reply('{"kind":"lat"}');
    walk.thenEvents("model_replied 1 default", "reply_rejected", "model_called 2 default");
    expect(walk.told()).toMatchObject({ role: "user", text: expect.stringContaining('"late"') });
    walk.reply("no").thenCommands("call_model 3 default").reply("no").thenCommands("fail output_invalid");
  });

  test("may be missed three times in a row, not in all", () => {
    const walk = begun({ output }).reply("no").reply("no").reply(ask("orders__find")).returns("3-1");
    walk.reply("no").thenCommands("call_model 5 default");
  });

  test("that was cut short is sent back", () => {
    const walk = begun({ output }).replied({ finish: "length", parts: [{ kind: "text", text: '{"kind":' }] });
    expect(walk.told()).toMatchObject({ text: expect.stringContaining("must be shorter") });
  });

  test("is not asked of a text: what there is of it is taken, but nothing is no text", () => {
    const cut = { finish: "length" } as const;
    begun()
      .replied({ ...cut, parts: [{ kind: "text", text: "It is" }] })
      .thenCommands('finish {"inline":{"text":"It is"}}');
    begun().replied(cut).thenEvents("model_replied 1 default", "reply_rejected", "model_called 2 default");
  });
});

describe("a model that fails", () => {
  test("is tried three times with growing pauses, then its fallbacks, depth first and none twice", () => {
    const walk = begun();
    const pauses: (string | undefined)[] = [];
    const models: string[] = [];
    for (let i = 0; i < 9; i++) {
      const [call] = walk.commands;
      if (call?.kind !== "call_model") break;
      models.push(call.model);
      pauses.push(call.notBefore);
      walk.modelFails("model_unavailable");
    }
    expect(models).toEqual([
      "default",
      "default",
      "default",
      "spare",
      "spare",
      "spare",
      "last",
      "last",
      "last",
    ]);
    const [half, one] = [instant(walk.nowMs + 500), instant(walk.nowMs + 1_000)];
    expect(pauses).toEqual([undefined, half, one, undefined, half, one, undefined, half, one]);
    walk
      .thenEvents("model_failed 9 last", "agent_failed model_unavailable")
      .thenCommands("fail model_unavailable retryable");
  });

  test("is left alone as long as it says, at most a minute", () => {
    const walk = begun().modelFails("model_rate_limited", { retryAfterMs: 20_000 });
    expect(walk.commands).toMatchObject([{ notBefore: instant(walk.nowMs + 20_000) }]);
    walk.modelFails("model_rate_limited", { retryAfterMs: 3_600_000 });
    expect(walk.commands).toMatchObject([{ notBefore: instant(walk.nowMs + 60_000) }]);
  });

  test.each([
    "model_auth",
    "model_not_found",
    "model_bad_request",
    "model_context_overflow",
    "model_refused",
  ])("with %s gives way to its fallback at once; the end is not worth another attempt", (code) => {
    const walk = begun().modelFails(code).thenEvents("model_failed 1 default", "model_called 2 spare");
    walk.modelFails(code).modelFails(code).thenCommands(`fail ${code}`);
    walk.begin(2).thenEvents("attempt_took_over 2").thenCommands(`fail ${code}`);
  });

  test("for a while: another attempt goes on from where the loop stood", () => {
    const walk = begun().reply(ask("orders__find")).returns("1-1");
    for (let i = 0; i < 9; i++) walk.modelFails("model_timeout");
    walk.thenCommands("fail model_timeout retryable");
    walk.begin(1).thenEvents("attempt_took_over 1").thenCommands("fail model_timeout retryable");
    walk.begin(2).thenEvents("attempt_took_over 2", "model_called 11 default");
    expect(walk.told()).toMatchObject({ role: "tool" });
  });

  test("is not gone back to while its fallback answers", () => {
    const walk = begun().modelFails("model_auth").reply(ask("orders__find")).returns("1-1");
    walk.thenCommands("call_model 3 spare").modelFails("model_auth").thenCommands("call_model 4 default");
  });

  test("by filtering what it says has refused", () => {
    begun().replied({ finish: "content_filter" }).thenCommands("fail model_refused");
  });

  test.each([
    ["an error in the middle", { finish: "error" }],
    ["more calls than anybody reads", { parts: Array.from({ length: 129 }, () => ask("orders__find")) }],
    ["more text than is kept", { parts: [{ kind: "text", text: "x".repeat(300_000) }] }],
    ["a tunnel of brackets", { parts: [ask("orders__find", nested(300))] }],
  ] as const)("with %s is tried again", (_, reply) => {
    begun().replied(reply).thenEvents("model_failed 1 default", "model_called 2 default");
  });

  test("to count its tokens in a way that can be reckoned with is not believed", () => {
    const walk = begun().replied({ usage: { inputTokens: Number.NaN, outputTokens: -5.5 } });
    expect(walk.events[0]).toMatchObject({ reply: { usage: { inputTokens: 0, outputTokens: 0 } }, usd: "0" });
  });
});

describe("limits", () => {
  test("of turns end the loop", () => {
    const walk = begun({ change: { limits: { turns: 1 } } }).reply(ask("orders__find"));
    walk.returns("1-1").thenEvents("call_returned 1-1", "agent_failed budget_exhausted");
    expect(failureOf(walk)?.details).toEqual({ budget: "turns", used: 1, limit: 1 });
    walk.thenCommands("fail budget_exhausted");
  });

  test("of tokens shorten the reply down to 256, then end the loop", () => {
    const prompt = 200;
    const of = (tokens: number) => begun({ change: { limits: { turns: 20, tokens } }, callables: new Map() });
    const wide = of(100_000);
    const reserved = wide.events.find((event) => event.kind === "model_called")?.reserved.tokens ?? 0;
    const own = reserved - 4_096;
    expect(own).toBeLessThan(prompt);
    expect(wide.commands).toMatchObject([{ maxOutputTokens: 4_096 }]);
    expect(of(own + 300).commands).toMatchObject([{ maxOutputTokens: 300 }]);
    expect(of(own + 256).commands).toMatchObject([{ maxOutputTokens: 256 }]);
    expect(failureOf(of(own + 255))?.details).toEqual({ budget: "tokens", used: 0, limit: own + 255 });
  });

  test("of the step hold beside the agent's: the lower one", () => {
    const walk = begun({ budget: { tokens: 1_000 }, change: { limits: { turns: 20, tokens: 100_000 } } });
    walk
      .replied({ parts: [ask("orders__find")], usage: { inputTokens: 900, outputTokens: 50 } })
      .returns("1-1");
    expect(failureOf(walk)?.details).toEqual({ budget: "tokens", used: 950, limit: 1_000 });
  });

  test("of money are reckoned by price", () => {
    const walk = begun({ budget: { usd: "0.01" } });
    expect(walk.commands).toMatchObject([{ maxOutputTokens: 4_096 }]);
    // 4,000 in and 1,000 out cost 0.006; the next prompt of 4,000 or more leaves nothing for a reply.
    walk
      .replied({ parts: [ask("orders__find")], usage: { inputTokens: 4_000, outputTokens: 1_000 } })
      .returns("1-1");
    expect(failureOf(walk)?.details).toEqual({ budget: "usd", used: "0.006", limit: "0.01" });
  });

  test("of money hold for a prompt too when what is said costs nothing", () => {
    const models = new Map([["default", { fallbacks: [], price: { input: 1_000, output: 0 } }]]);
    expect(failureOf(begun({ models, budget: { usd: "0.001" } }))?.details).toMatchObject({ budget: "usd" });
    begun({ models, budget: { usd: "100" } }).thenCommands("call_model 1 default");
  });

  test("of time count work, not waiting for people", () => {
    const walk = begun({ change: { limits: { turns: 20, timeMs: 60_000 } } });
    walk.nowMs += 20_000;
    walk.reply(ask("mail__refund"));
    const { hash } = asked(walk);
    walk.nowMs += 24 * 3_600_000;
    walk.begin(2, [approval("answer/1-1", hash)]).thenCommands("call_tool 1-1 mail.refund");
    expect(turnDeadline(walk.state, walk.rules)).toBe(walk.nowMs + 40_000);
    walk.nowMs += 40_000;
    walk.returns("1-1");
    expect(failureOf(walk)?.details).toEqual({ budget: "time", used: 60_000, limit: 60_000 });
  });

  test("of the step's deadline end the attempt", () => {
    const walk = new Walk();
    walk.rules = rulesOf({ deadline: instant(walk.nowMs + 1_000) });
    walk.begin().reply(ask("orders__find"));
    walk.nowMs += 1_000;
    walk.returns("1-1").thenCommands("fail timeout retryable");
  });

  test("leave the length of a reply to the model when there are none", () => {
    expect(begun().commands).not.toMatchObject([{ maxOutputTokens: expect.anything() }]);
    expect(begun({ change: { maxOutputTokens: 99 } }).commands).toMatchObject([{ maxOutputTokens: 99 }]);
  });
});

describe("a stop", () => {
  const late = {
    kind: "stopped",
    failure: { code: "timeout", message: "the attempt's time is up" },
  } as const;

  test("fails the attempt; the next one goes on", () => {
    const walk = begun().reply(ask("notes__put")).when(late);
    walk.thenEvents("agent_failed timeout").thenCommands("fail timeout retryable");
    walk.begin(2).thenEvents("attempt_took_over 2", "call_lost 1-1", "call_started 1-1");
  });

  test("counts a model call under way as spent", () => {
    begun().when(late).thenEvents("model_lost 1", "agent_failed timeout");
  });

  test("leaves an irreversible call under way to a person", () => {
    begun()
      .reply(ask("mail__send"), ask("notes__put"))
      .when(late)
      .thenEvents("call_unknown 1-1")
      .thenCommands("suspend unknown answer/1-1");
  });

  test("because the agent's own time is up is its end: more attempts have no more time", () => {
    const walk = begun({ change: { limits: { turns: 20, timeMs: 1_000 } } });
    walk.nowMs += 1_000;
    walk.when(late).thenEvents("model_lost 1", "agent_failed budget_exhausted");
    walk.thenCommands("fail budget_exhausted");
  });

  test("of a cancelled run writes nothing", () => {
    begun()
      .when({ kind: "stopped", failure: { code: "cancelled", message: "the run was cancelled" } })
      .thenEvents()
      .thenCommands("fail cancelled");
  });
});

function nested(levels: number): readonly unknown[] & readonly [] {
  return JSON.parse("[".repeat(levels) + "]".repeat(levels));
}

describe("a record of which only the beginning was written", () => {
  test("calls that may not be made are refused by whoever goes on", () => {
    begun()
      .reply(ask("notes__put", { id: "no number" }), ask("notes__put", { id: 1 }), ask("made__up"))
      .cut("model_replied")
      .begin(2)
      .thenEvents(
        "attempt_took_over 2",
        "call_refused 1-1 bad_input",
        "call_refused 1-3 not_allowed",
        "call_started 1-2",
      )
      .thenCommands("call_tool 1-2 notes.put");
  });

  test("an answer is an answer: the model is not asked for another one", () => {
    begun()
      .reply("Done.")
      .cut("model_replied")
      .begin(2)
      .thenEvents("attempt_took_over 2", "agent_finished")
      .thenCommands('finish {"inline":{"text":"Done."}}');
  });

  test("what a provider filtered is no answer", () => {
    const walk = begun().replied({ parts: [{ kind: "text", text: "half" }], finish: "content_filter" });
    walk.cut("model_replied").begin(2);
    expect(failureOf(walk)?.code).toBe("model_refused");
  });

  test("what a person denied is told to the model", () => {
    const walk = begun().reply(ask("mail__refund", { id: 1 }));
    const { call, hash } = asked(walk);
    const answers = [approval(call, hash, { approved: false })];
    walk.begin(2, answers).cut("call_answered").begin(3, answers);
    walk.thenEvents("attempt_took_over 3", "call_refused 1-1 denied", "model_called 2 default");
  });
});

test("a reply that broke off has its price: what was set aside counts as spent", () => {
  const limits = { turns: 5, tokens: 10_000 };
  const walk = begun({ change: { limits, maxOutputTokens: 3_000 } });
  const fails = (change: object): Walk => {
    const n = walk.state.kind === "active" ? (walk.state.asking?.n ?? 0) : 0;
    const failure = { code: "model_unavailable", message: "cut" };
    return walk.when({ kind: "model_failed", n, failure, ms: 1, ...change });
  };
  const used = (): number => usageOf(walk.state).inputTokens;
  fails({});
  expect(used()).toBe(0);
  fails({ begun: true });
  expect(used()).toBeGreaterThan(3_000);
  fails({ begun: true });
  expect(used()).toBeGreaterThan(6_000);
});

test("a reply that is of no use counts as well", () => {
  const walk = begun().replied({ parts: [{ kind: "text", text: "x".repeat(300_000) }] });
  expect(walk.events[0]).toMatchObject({ kind: "model_failed", begun: true });
});
