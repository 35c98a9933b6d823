/** What an identity is refused, on a real server: everything that is another's, or more than it needs. */
import { type NatsConnection, PermissionViolationError } from "@nats-io/transport-node";
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isSubject, prefixes, type Subject } from "@agentflow/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { natsServerMissing } from "../../contract/servers/index.ts";
import { other, own, roles, Secured } from "../fixtures/secured.ts";
import type { NatsBus, Role } from "../index.ts";

const missing = await natsServerMissing();

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
const secret = "what only globex may know";
const blob = `${other}/r1/${hash(secret)}`;

function subject(text: string): Subject {
  if (!isSubject(text)) throw new Error(`${text} is no subject`);
  return text;
}

const task = (tenant: string): Subject => subject(`af.task.${tenant}.default.dev`);

/** What a worker of acme tries, by what it would be. */
const published: readonly (readonly [string, string, string?])[] = [
  ["a consumer on another's filter", `$JS.API.CONSUMER.CREATE.AF_TASK.mine.${task(other)}.*`, "{}"],
  ["a consumer on its own filter", `$JS.API.CONSUMER.CREATE.AF_TASK.mine.${task(own)}.*`, "{}"],
  ["a consumer whose filter stands in the body", "$JS.API.CONSUMER.CREATE.AF_LOG_0.mine", "{}"],
  ["a durable consumer, the old way", "$JS.API.CONSUMER.DURABLE.CREATE.AF_LOG_0.mine", "{}"],
  ["a pull from another's consumer", `$JS.API.CONSUMER.MSG.NEXT.AF_TASK.${other}_default_dev`, "1"],
  ["another's consumer, removed", `$JS.API.CONSUMER.DELETE.AF_TASK.${other}_default_dev`],
  ["another's consumer, paused", `$JS.API.CONSUMER.PAUSE.AF_TASK.${other}_default_dev`, "{}"],
  ["a purge of the log", "$JS.API.STREAM.PURGE.AF_LOG_0"],
  ["a purge of another's tasks", "$JS.API.STREAM.PURGE.AF_TASK", `{"filter":"${task(other)}.*"}`],
  ["a stream, removed", "$JS.API.STREAM.DELETE.AF_TASK"],
  ["a message, removed", "$JS.API.STREAM.MSG.DELETE.AF_TASK", '{"seq":2}'],
  ["a stream, changed", "$JS.API.STREAM.UPDATE.AF_LOG_0", "{}"],
  ["a stream of its own", "$JS.API.STREAM.CREATE.MINE", '{"name":"MINE","subjects":["af.>"]}'],
  ["a read by sequence", "$JS.API.STREAM.MSG.GET.AF_LOG_0", '{"seq":1}'],
  ["a direct read by sequence", "$JS.API.DIRECT.GET.AF_BLOB", '{"seq":1}'],
  ["a direct read of another's blob", `$JS.API.DIRECT.GET.AF_BLOB.af.blob.head.${blob.replaceAll("/", ".")}`],
  ["a direct read of a key", "$JS.API.DIRECT.GET.KV_AF_TABLE.$KV.AF_TABLE.key.k1"],
  ["every subject of a stream", "$JS.API.STREAM.INFO.AF_LOG_0", '{"subjects_filter":">"}'],
  ["the names of streams", "$JS.API.STREAM.NAMES"],
  ["the names of consumers", "$JS.API.CONSUMER.NAMES.AF_TASK"],
  ["another's acknowledgement", `$JS.ACK.AF_TASK.${other}_default_dev.1.2.1.1700000000000000000.0`, "+ACK"],
  ["another's input", `af.in.00.${other}`, "{}"],
  ["another's task", `${task(other)}.forged`, "{}"],
  ["a word among another's workers", task(other), "{}"],
  ["another's lines", `af.tele.${other}.x`, "{}"],
  ["another's dead letter", `af.dead.${other}.default`, "{}"],
  ["another's tokens", `af.live.${other}.r1`, "{}"],
  ["another's blob", `af.blob.head.${other}.r1.${hash("x")}`, "x"],
  ["another's row", `$KV.AF_TABLE.worker.${other}.w1`, "{}"],
  ["a key of the API", "$KV.AF_TABLE.key.k1", "{}"],
  ["its own history", `af.log.00.${own}.run.r1`, "{}"],
  ["its own audit trail", `af.audit.${own}`, "{}"],
  ["its own definitions", `af.blob.head.${own}._def.${hash("x")}`, "x"],
  ["the queue's epoch", "af.epoch.task", "forged"],
  ["the layout", "af.layout", "{}"],
  ["what another may ask the owner for", `af.ask.${other}`, "{}"],
  ["its own row, and with a header all rows", `$KV.AF_TABLE.worker.${own}.w1`, "{}"],
  ["its own history, read through", "$JS.API.DIRECT.GET.AF_LOG_0", '{"batch":9,"seq":1}'],
  ["an answer to another", `_AF.worker-${other}.x.a.1`, "{}"],
  ["an answer to the control plane", "_AF.control-plane.x.a.1", "{}"],
  ["a system request", "$SYS.REQ.SERVER.PING"],
];

const heard: readonly string[] = [
  ">",
  "*.>",
  "_INBOX.>",
  "_AF.>",
  `_AF.worker-${other}.>`,
  "_AF.control-plane.>",
  "_R_.>",
  "$JS.EVENT.>",
  "$JS.API.>",
  "$JS.ACK.>",
  "$SYS.>",
  "$KV.>",
  "af.>",
  "af.task.>",
  task(other),
  `${task(own)}.*`,
  `af.live.${own}.*`,
  "af.in.>",
  "af.log.>",
  "af.tele.>",
];

describe.skipIf(missing !== undefined).each(["permissions", "accounts"] as const)("%s", (mode) => {
  let secured: Secured;
  let owner: NatsBus;

  beforeAll(async () => {
    secured = await Secured.start(mode);
    owner = await secured.owner();
    await owner.log.append(subject(`af.log.00.${other}.run.r1`), secret, { expect: 0 });
    await owner.queue.push([
      { id: "own", subject: task(own), body: "for acme" },
      { id: "other", subject: task(other), body: secret },
    ]);
    await owner.blobs.put(blob, Buffer.from(secret));
    await owner.table.put("key.k1", secret, { expect: 0 });
  });

  afterAll(() => secured.close());

  test("whoever has no identity is not let in", async () => {
    const { openNats } = await import("../index.ts");
    const nobody = openNats({ servers: [secured.server.url], role: "worker" });
    await expect(nobody).rejects.toMatchObject({ code: "unauthenticated" });
  });

  test("a worker does its work, and the owner removes by the archiver", async () => {
    const worker = await secured.worker(roles.own);
    const refused: string[] = [];
    worker.onRefused((one) => refused.push(one.subject));
    owner.onRefused((one) => refused.push(one.subject));
    const served = await owner.wire.serve(subject("af.in.00"), async () => "no");
    await served.stop();
    const serving = await owner.wire.serve(subject(`af.in.00.${own}`), async (body) => `heard ${body}`);
    expect(await worker.wire.request(subject(`af.in.00.${own}`), "it", { timeoutMs: 2_000 })).toBe(
      "heard it",
    );
    await serving.stop();
    const stop = new AbortController();
    const take = { subjects: [task(own)], holder: "w", slots: 1, leaseMs: 5_000, signal: stop.signal };
    for await (const delivery of worker.queue.take(take)) {
      expect(delivery.body).toBe("for acme");
      expect(await delivery.extend()).toBe(true);
      expect(await delivery.ack()).toBe(true);
      stop.abort();
    }
    const key = `${own}/r1/${hash("large".repeat(200_000))}`;
    await worker.blobs.put(key, Buffer.from("large".repeat(200_000)));
    expect((await worker.blobs.get(key))?.length).toBe(1_000_000);
    expect(await worker.table.put(`worker.${own}.w1`, "{}", { expect: "any" })).toMatchObject({ ok: true });
    expect(await worker.table.delete(`worker.${own}.w1`, { expect: "any" })).toMatchObject({ ok: true });
    const journal = subject(`af.log.01.${own}.turn.r${"0".repeat(26)}.draft`);
    const first = await worker.log.append(journal, "reply", { expect: 0 });
    expect(await worker.log.append(journal, "again", { expect: 0 })).toEqual({
      ok: false,
      reason: "wrong_revision",
      revision: first.revision,
    });
    for (let n = 0, expect = first.revision; n < 3; n++) {
      expect = (await worker.log.append(journal, "x".repeat(200_000), { expect })).revision;
    }
    const bodies = (await worker.log.read(journal)).map(({ body }) => body.length);
    expect(bodies).toEqual([5, 200_000, 200_000, 200_000]);
    await worker.log.append(subject(`af.tele.${own}.w1`), "{}", { expect: "any" });
    expect(await worker.queue.epoch()).toBe(await owner.queue.epoch());
    await owner.blobs.delete(key);
    expect(await owner.blobs.get(key)).toBeUndefined();
    const run = subject(`af.log.01.${own}.run.r9`);
    await owner.log.append(run, "{}", { expect: 0 });
    await owner.log.purge(run);
    expect(await owner.log.read(run)).toEqual([]);
    expect(refused).toEqual([]);
  });

  test("what an identity may not do is refused in words, not waited for", async () => {
    const worker = await secured.worker(roles.own);
    const { signal } = new AbortController();
    const unnamed = [subject(`af.task.${own}.gpu.dev`)];
    const take = worker.queue.take({ subjects: unnamed, holder: "w", slots: 1, leaseMs: 5_000, signal });
    await expect(take[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "forbidden",
      suggestions: [expect.stringContaining("--pool")],
    });
    await expect(
      worker.wire.request(subject(`af.in.00.${other}`), "{}", { timeoutMs: 4_000 }),
    ).rejects.toMatchObject({ code: "forbidden", reason: "nats_permission" });
    const key = `${other}/r1/${hash(secret)}`;
    await expect(worker.blobs.get(key)).rejects.toMatchObject({ code: "forbidden" });
  });

  test("one who names no inbox, or another's, is told so at once and not left to wait", async () => {
    for (const inboxPrefix of ["_INBOX", `_AF.worker-${other}`]) {
      await expect(secured.worker(roles.own, { inboxPrefix })).rejects.toMatchObject({
        code: "forbidden",
        reason: "inbox_refused",
        suggestions: [expect.stringContaining("--inbox")],
      });
    }
  });

  test("what is another's or the owner's is refused, and answered by nobody", async () => {
    const nc = await secured.raw(roles.own);
    const answers: string[] = [];
    nc.subscribe(`_AF.worker-${own}.try`, { callback: (_, message) => void answers.push(message.string()) });
    const tried = await violations(nc, () => {
      for (const [, to, body] of published) nc.publish(to, body ?? "", { reply: `_AF.worker-${own}.try` });
    });
    expect(published.filter(([, to]) => !tried.includes(`publish ${to}`)).map(([what]) => what)).toEqual([]);
    expect(answers).toEqual([]);
    expect((await owner.queue.depth()).find((one) => one.subject === task(other))).toMatchObject({
      waiting: 1,
      leased: 0,
    });
    expect(await owner.log.read(subject(`af.log.00.${own}.run.r1`))).toEqual([]);
    expect((await owner.table.get("key.k1"))?.value).toBe(secret);
  });

  test("a control plane without its archiver removes nothing, is told so, and says so", async () => {
    const alone = await secured.owner({ archiver: false });
    const refused: unknown[] = [];
    alone.onRefused((one) => refused.push(one));
    const purging = alone.log.purge(subject(`af.log.00.${other}.run.r1`));
    await expect(purging).rejects.toMatchObject({ code: "forbidden", reason: "nats_permission" });
    expect(refused).toEqual([{ operation: "publish", subject: "$JS.API.STREAM.PURGE.AF_LOG_0" }]);
    expect(await owner.log.read(subject(`af.log.00.${other}.run.r1`))).toHaveLength(1);
  });

  test.each([
    { kind: "consumer", subject: task(other) },
    { kind: "put", key: `worker.${other}.w1`, value: "{}", expect: "any" },
    { kind: "put", key: "key.k2", value: "{}", expect: "any" },
    { kind: "delete", key: "key.k1", expect: "any" },
    { kind: "read", subject: `af.log.00.${other}.turn.r${"0".repeat(26)}.a`, after: 0, limit: 9 },
    { kind: "read", subject: `af.log.00.${own}.run.r${"0".repeat(26)}`, after: 0, limit: 9 },
    { kind: "read", subject: `af.audit.${other}`, after: 0, limit: 9 },
  ])("the owner does nothing for a worker that is not its tenant's: %j", async (question) => {
    const nc = await secured.raw(roles.own);
    secured.turnedAway.splice(0);
    const answer = await nc.request(`af.ask.${own}`, JSON.stringify({ v: 1, ...question }));
    expect(answer.json()).toMatchObject({ code: "forbidden", reason: "tenant_mismatch" });
    const about = "key" in question ? question.key : question.subject;
    const turned = { tenant: own, asked: question.kind, about, reason: "tenant_mismatch" };
    expect(secured.turnedAway).toEqual([turned]);
    expect((await owner.table.get("key.k1"))?.value).toBe(secret);
  });

  test("a worker hears nothing that is not said to it", async () => {
    const nc = await secured.raw(roles.own);
    const leaked: string[] = [];
    const tried = await violations(nc, () => {
      for (const pattern of heard) {
        nc.subscribe(pattern, {
          callback: (error, message) => {
            if (error === null) leaked.push(message.subject);
          },
        });
      }
    });
    expect(heard.filter((pattern) => !tried.includes(`subscription ${pattern}`))).toEqual([]);
    const foreign = await secured.worker(roles.other);
    await foreign.blobs.get(blob);
    await foreign.log.append(subject(`af.tele.${other}.w1`), secret, { expect: "any" });
    await sleep(50);
    expect(leaked).toEqual([]);
  });

  test.each([
    [
      "the control plane removes nothing",
      roles.controlPlane,
      ["PURGE.AF_LOG_0", "PURGE.AF_BLOB", "DELETE.AF_LOG_0"],
    ],
    ["the archiver reads nothing", roles.archiver, ["INFO.AF_LOG_0", "MSG.GET.AF_LOG_0", "DELETE.AF_LOG_0"]],
  ] as const)("%s", async (_, role: Role, verbs) => {
    const nc = await secured.raw(role);
    const tried = await violations(nc, () =>
      verbs.forEach((verb) => nc.publish(`$JS.API.STREAM.${verb}`, "")),
    );
    expect(tried).toEqual(verbs.map((verb) => `publish $JS.API.STREAM.${verb}`));
  });

  test("who registers asks a control plane of its tenant, and may do nothing else", async () => {
    const mine = subject(`af.reg.${own}`);
    const serving = await owner.wire.serve(prefixes.reg, async (body) => body);
    const { wire } = await secured.wire(roles.register);
    expect(await wire.request(mine, "a workflow", { timeoutMs: 2_000 })).toBe("a workflow");
    const foreign = wire.request(subject(`af.reg.${other}`), "a workflow", { timeoutMs: 4_000 });
    await expect(foreign).rejects.toMatchObject({ code: "forbidden", reason: "nats_permission" });
    await serving.stop();
    const nobody = wire.request(mine, "a workflow", { timeoutMs: 4_000 });
    await expect(nobody).rejects.toMatchObject({ code: "unavailable" });
    const nc = await secured.raw(roles.register);
    const tries = [
      ...published.map(([, to]) => to),
      `af.in.00.${own}`,
      `af.task.${own}.default.dev.forged`,
      `af.tele.${own}.x`,
      `af.ask.${own}`,
      "$JS.API.DIRECT.GET.KV_AF_TABLE.af.layout",
      `$JS.API.CONSUMER.MSG.NEXT.AF_TASK.${own}_default_dev`,
    ];
    const refused = await violations(nc, () => tries.forEach((to) => nc.publish(to, "{}")));
    expect(tries.filter((to) => !refused.includes(`publish ${to}`))).toEqual([]);
    const listened = [...heard, mine, "af.reg.*", `af.task.${own}.*.*`];
    const ears = await secured.raw(roles.register);
    const deaf = await violations(ears, () => listened.forEach((to) => void ears.subscribe(to)));
    expect(listened.filter((to) => !deaf.includes(`subscription ${to}`))).toEqual([]);
  });

  test("where an answer goes is not the asker's to choose: the owner answers to inboxes alone", async () => {
    const victim = subject(`af.tele.${other}.victim`);
    const serving = await owner.wire.serve(subject(`af.in.02.${own}`), async () => "forged");
    const nc = await secured.raw(roles.own);
    secured.turnedAway.splice(0);
    nc.publish(`af.in.02.${own}`, "{}", { reply: victim });
    const question = { v: 1, kind: "consumer", subject: task(own) };
    nc.publish(`af.ask.${own}`, JSON.stringify(question), { reply: victim });
    await nc.flush();
    await sleep(100);
    await serving.stop();
    expect(await owner.log.read(victim)).toEqual([]);
    const turned = { tenant: own, asked: "answer", about: victim, reason: "answer_elsewhere" };
    // From another account every answer goes to an inbox that the server makes for it, and no further.
    expect(secured.turnedAway).toEqual(mode === "accounts" ? [] : [turned, turned]);
  });

  // The server checks what a client publishes to, not where it asks to be answered. So in one account the
  // server's own answers can be sent where the asker may not write; another account they never reach.
  const can = mode === "accounts" ? "cannot" : "can";
  test(`an answer of the server ${can} be sent into another's history`, async () => {
    const victim = subject(`af.log.03.${other}.run.r3`);
    const worker = await secured.worker(roles.own);
    const key = `${own}/r3/${hash("forged")}`;
    await worker.blobs.put(key, Buffer.from("forged"));
    const nc = await secured.raw(roles.own);
    nc.publish(`$JS.API.DIRECT.GET.AF_BLOB.af.blob.head.${key.replaceAll("/", ".")}`, "", { reply: victim });
    await nc.flush();
    await sleep(200);
    const bodies = (await owner.log.read(victim)).map(({ body }) => body);
    expect(bodies).toEqual(mode === "accounts" ? [] : ["forged"]);
  });
});

/** What the server refused while something was tried: `publish SUBJECT`, `subscription SUBJECT`. */
async function violations(nc: NatsConnection, attempt: () => void): Promise<string[]> {
  const refused: string[] = [];
  const listening = (async () => {
    for await (const status of nc.status()) {
      const error = status.type === "error" ? status.error : undefined;
      if (error instanceof PermissionViolationError) refused.push(`${error.operation} ${error.subject}`);
    }
  })();
  attempt();
  await nc.flush();
  await sleep(100);
  await nc.close();
  await listening;
  return refused;
}
