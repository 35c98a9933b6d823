/** What a worker says that is not its tenant's: the subject wins over what the body says. */
import {
  type InputRequest,
  type RunId,
  type TenantId,
  defaultTenant,
  instant,
  parseId,
} from "@agentflow/protocol";
import { prefixes, subjects } from "@agentflow/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { shardOf } from "../orchestrator/shard.ts";
import { type House, openHouse, otherTenant, runId } from "./fixtures/house.ts";

let house: House;

beforeAll(async () => {
  house = await openHouse({}, 41);
});

afterAll(() => house.close());

const own = defaultTenant;
const sha = "0".repeat(64);

async function started(tenant: TenantId): Promise<RunId> {
  const run = parseId("run", runId());
  await house.controlPlane.engine.runs.start(
    tenant,
    { run, workflow: "held", input: { x: 1 } },
    { waitMs: 0 },
  );
  return run;
}

/** As a worker of ours reports, with what it likes beside. */
function report(run: RunId, more: { readonly [key: string]: unknown }): Promise<string> {
  const request = {
    v: 1,
    kind: "input",
    run,
    input: {
      kind: "result",
      id: "res-a-1",
      at: instant(Date.now()),
      step: "a",
      attempt: 1,
      worker: "w",
      outcome: { kind: "succeeded", output: { inline: { x: 666 } } },
      ...more,
    },
    ...("tenant" in more ? { tenant: more["tenant"] } : {}),
  } satisfies { readonly [K in keyof InputRequest]: unknown } & { readonly tenant?: unknown };
  const subject = subjects.in({ shard: shardOf(run), tenant: own });
  return house.bus.wire.request(subject, JSON.stringify(request), { timeoutMs: 2_000 });
}

test.each([
  ["names another tenant", { tenant: "other" }],
  [
    "has a value of another tenant as its output",
    { outcome: { kind: "succeeded", output: { blob: `other/r${"0".repeat(26)}/${sha}`, bytes: 9 } } },
  ],
])("a report that %s is refused and in the audit trail", async (_, more) => {
  const run = await started(own);
  await expect(report(run, more)).rejects.toMatchObject({ code: "forbidden", reason: "tenant_mismatch" });
  const who = { by: `a worker of ${own}`, worker: "w", tenant: expect.stringContaining("other") };
  const refused = { ...who, reason: "tenant_mismatch", to: run };
  await expect.poll(() => audited()).toContainEqual(expect.objectContaining(refused));
});

test.each([
  ["start", { workflow: "held", plan: sha, build: "dev", input: { inline: {} } }],
  ["cancel", { reason: "by a worker" }],
  ["resolve", { step: "a", as: "done" }],
  ["approval", { approval: "x-1", hash: sha, approve: true, by: "lin" }],
])("a worker that says %s in a client's place is refused and in the audit trail", async (kind, more) => {
  const run = await started(own);
  const said = report(run, { kind, proof: sha, ...more });
  await expect(said).rejects.toMatchObject({ code: "forbidden" });
  const refused = { by: `a worker of ${own}`, to: run, outcome: "refused" };
  await expect.poll(() => audited()).toContainEqual(expect.objectContaining(refused));
});

test("a report about another tenant's run does not reach it", async () => {
  const run = await started(otherTenant);
  const before = await house.controlPlane.engine.runs.get(otherTenant, run);
  expect(await report(run, {})).toContain("run_not_found");
  expect(await house.controlPlane.engine.runs.get(otherTenant, run)).toEqual(before);
});

async function audited(): Promise<unknown[]> {
  const { log } = house.bus;
  const records: unknown[] = [];
  for (const { body } of await log.read(subjects.audit("_"))) records.push(JSON.parse(body));
  expect(await log.head(prefixes.audit)).toBeGreaterThan(0);
  return records;
}
