import { defaultTenant } from "@agentflow/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toAnswer } from "./fixtures/parse-answer.ts";
import { ask, type House, openHouse, otherTenant, runId } from "./fixtures/house.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
  for (const tenant of [defaultTenant, otherTenant]) {
    const definition = {
      apiVersion: "agentflow.dev/v1" as const,
      kind: "Workflow" as const,
      name: "asks",
      steps: {
        a: {
          uses: "tool:t.echo",
          with: { x: "${input.x}" },
          approval: { text: "Say ${input.x}?", expires: "1h" },
        },
      },
      output: "${steps.a.output.x}",
    };
    await house.controlPlane.engine.registry.register(tenant, { definition, strict: false });
  }
});
afterAll(() => house.close());

interface Approval {
  readonly approval: string;
  readonly hash: string;
  readonly status: string;
}

async function started(x: string, waits = true): Promise<string> {
  const run = runId();
  const query = waits ? "?waitMs=10000" : "";
  const answer = await ask(house, "POST", `/v1/runs${query}`, {
    body: { run, workflow: "asks", input: { x } },
  });
  if (waits) {
    expect(answer.body.data).toMatchObject({
      status: "parked",
      failure: { code: "approval", details: { approval: `${run}-1` } },
    });
  }
  return run;
}

async function shown(approval: string): Promise<Approval> {
  return toAnswer((await ask(house, "GET", `/v1/approvals/${approval}`)).body.data);
}

let inputs = 0;
const decide = (approval: string, body: object) =>
  ask(house, "POST", `/v1/approvals/${approval}`, { body: { input: `p-${++inputs}`, ...body } });

async function audit(): Promise<unknown> {
  return (await ask(house, "GET", "/v1/audit?limit=1000")).body.data;
}

describe("an approval", () => {
  test("is shown word for word, and approved by the hash of that: the run goes on", async () => {
    const run = await started("hello");
    const one = await shown(`${run}-1`);
    expect(one).toMatchObject({
      status: "open",
      workflow: "asks",
      step: "a",
      shown: { uses: "tool:t.echo", input: { x: "hello" }, text: "Say hello?" },
    });
    const answer = await decide(one.approval, { hash: one.hash, approve: true, comment: "fine" });
    expect(answer).toMatchObject({
      status: 200,
      body: { data: { status: "approved", by: "local", comment: "fine" } },
    });
    const end = await ask(house, "GET", `/v1/runs/${run}/wait?waitMs=10000`);
    expect(end.body.data).toMatchObject({ status: "completed", output: "hello" });
    expect(await audit()).toMatchObject({
      records: expect.arrayContaining([
        expect.objectContaining({
          did: "decideApproval",
          outcome: "done",
          reason: "approved",
          by: "local",
          to: `${run}-1`,
        }),
      ]),
    });
  });

  test("denied fails the run with who said so", async () => {
    const run = await started("no");
    const { approval, hash } = await shown(`${run}-1`);
    await decide(approval, { hash, approve: false, comment: "rude" });
    const end = await ask(house, "GET", `/v1/runs/${run}/wait?waitMs=10000`);
    expect(end.body.data).toMatchObject({
      status: "failed",
      failure: { code: "approval_denied", message: expect.stringContaining("denied by local") },
    });
  });

  test("a wrong or late answer is refused, says what stands, and is audited", async () => {
    const run = await started("twice");
    const { approval, hash } = await shown(`${run}-1`);
    const other = await decide(approval, { hash: "0".repeat(64), approve: true });
    expect(other).toMatchObject({
      status: 409,
      body: {
        error: {
          code: "refused",
          reason: "approval_changed",
          details: { approval: { status: "open", hash, shown: { input: { x: "twice" } } } },
        },
      },
    });
    await decide(approval, { hash, approve: false });
    const late = await decide(approval, { hash, approve: true });
    expect(late).toMatchObject({
      status: 409,
      body: {
        error: {
          reason: "approval_decided",
          message: expect.stringContaining("denied by local"),
          details: { approval: { status: "denied" } },
        },
      },
    });
    const records = expect.arrayContaining(
      ["approval_changed", "approval_decided"].map((reason) =>
        expect.objectContaining({ did: "decideApproval", outcome: "refused", reason, to: approval }),
      ),
    );
    expect(await audit()).toMatchObject({ records });
  });

  test("of another tenant, or none, is 404, to look at and to decide", async () => {
    const run = runId();
    await house.controlPlane.engine.runs.start(
      otherTenant,
      { run, workflow: "asks", input: { x: "secret" } },
      { waitMs: 10_000 },
    );
    for (const id of [`${run}-1`, `${runId()}-1`, "nonsense", `${run}-2`]) {
      const got = await ask(house, "GET", `/v1/approvals/${id}`);
      expect(got).toMatchObject({ status: 404, body: { error: { reason: "approval_not_found" } } });
      expect(await decide(id, { hash: "0".repeat(64), approve: true })).toMatchObject({ status: 404 });
      expect(got.text).not.toContain("secret");
    }
  });

  test("lists hold those that are open or decided, of a run, page by page", async () => {
    const runs = [await started("one"), await started("two"), await started("three")];
    const last = await shown(`${runs[2]}-1`);
    await decide(last.approval, { hash: last.hash, approve: true });
    await house.controlPlane.engine.caughtUp();
    const list = async (query: string): Promise<{ approvals: Approval[]; cursor?: string }> =>
      toAnswer((await ask(house, "GET", `/v1/approvals?${query}`)).body.data);
    const open = (await list("status=open")).approvals.map(({ approval }) => approval);
    expect(open).toEqual(expect.arrayContaining([`${runs[0]}-1`, `${runs[1]}-1`]));
    expect(open).not.toContain(`${runs[2]}-1`);
    expect((await list("status=decided")).approvals.every(({ status }) => status !== "open")).toBe(true);
    expect((await list(`run=${runs[0]}`)).approvals).toMatchObject([
      { approval: `${runs[0]}-1`, status: "open" },
    ]);
    const all = (await list("limit=200")).approvals;
    const paged: Approval[] = [];
    for (let cursor = ""; ; ) {
      const page = await list(`limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
      paged.push(...page.approvals);
      if (page.cursor === undefined) break;
      cursor = page.cursor;
    }
    expect(paged).toEqual(all);
    // The other tenant's is counted as well: this token sees the whole installation.
    expect((await ask(house, "GET", "/v1/status")).body.data).toMatchObject({
      approvals: open.length + 1,
    });
    expect((await ask(house, "GET", "/v1/approvals?status=maybe")).status).toBe(400);
  });

  test("a run that is cancelled withdraws what it asked", async () => {
    const run = await started("gone");
    await ask(house, "POST", `/v1/runs/${run}/cancel`, { body: { input: "cancel-it" } });
    expect(await shown(`${run}-1`)).toMatchObject({ status: "withdrawn" });
    await house.controlPlane.engine.caughtUp();
    const listed = await ask(house, "GET", `/v1/approvals?run=${run}`);
    expect(listed.body.data).toMatchObject({ approvals: [{ status: "withdrawn" }] });
  });
});

test("usage of nobody is nothing", async () => {
  const usage = await ask(house, "GET", "/v1/usage?by=workflow");
  expect(usage.body.data).toMatchObject({ by: "workflow", rows: [], total: { inputTokens: 0, usd: "0" } });
});
