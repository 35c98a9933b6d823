/** What becomes of nats-server, and what services on it make of that: restarts, a full disk, lost data. */
import { natsServerMissing } from "@agentflow/bus/servers";
import { cpSync, rmSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { openedHere, until } from "./opened.ts";
import { runAf } from "../run-af.ts";
import { afAt, openedServices, register } from "./opened-services.ts";
import { treeOf } from "./processes.ts";
import { oneTool } from "./scratch.ts";
import { fill, smallDisks } from "./small-disk.ts";

const missing = await natsServerMissing();
const { project } = openedHere();
// Before the services: they are registered later, and so end first.
const smallDisk = smallDisks();
const { nats, server, worker, client: clientOf } = openedServices();

const slow = "await new Promise((r) => setTimeout(r, 30)); return n;";

describe.skipIf(missing !== undefined)("when nats-server fails", () => {
  test("three restarts under load lose nothing, and no process of ours ends", async () => {
    const bus = await nats();
    const scratch = project(oneTool(slow));
    const [one, two] = [server(scratch, bus.url, "one"), server(scratch, bus.url, "two")];
    const hands = worker(scratch, bus.url, "--slots", "8");
    await hands.said("code loaded");
    await register(scratch, one);
    const clients = [await clientOf(scratch, one), await clientOf(scratch, two)];
    const known = async (): Promise<boolean> => (await clients[1]?.workflows.list())?.items.length === 1;
    await until("the second knows the workflow", known);
    const ours = (): number[] => [one, two, hands].flatMap(({ pid }) => treeOf(pid)).map(({ pid }) => pid);
    const before = ours();
    const over = new AbortController();
    let ended = 0;
    const load = Array.from({ length: 8 }, async (_, index) => {
      for (let n = index; !over.signal.aborted; n += 8, ended++) {
        const done = await clients[n % 2]?.runs.startAndWait("one", { n });
        expect(done).toMatchObject({ status: "completed", output: { value: n } });
      }
    });
    for (const signal of ["SIGTERM", "SIGKILL", "SIGTERM"] as const) {
      const enough = ended + 8;
      await until("runs end", () => ended > enough, 20_000);
      await bus.end(signal);
      await bus.start("kept");
    }
    const enough = ended + 8;
    await until("runs end again", () => ended > enough, 20_000);
    over.abort();
    await Promise.all(load);
    expect(ours()).toEqual(before);
  }, 60_000);

  test("one that goes while a control plane starts is waited for", async () => {
    const bus = await nats();
    const scratch = project(oneTool("return n;"));
    const control = server(scratch, bus.url);
    const isConnected = async (): Promise<boolean> =>
      /"connections": [1-9]/.test(await (await fetch(`${bus.monitor}/varz`)).text());
    await until("it is connected", isConnected, 20_000);
    await bus.end("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 300));
    await bus.start("kept");
    const client = await clientOf(scratch, control);
    expect((await client.status()).bus.kind).toBe("nats");
  });

  test("a full disk is named, loses nothing, and with room and a restart of it work goes on", async ({
    skip,
  }) => {
    const scratch = project(oneTool(slow));
    const disk = smallDisk(path.join(scratch.dir, "disk"), 16);
    if (disk === undefined) {
      skip("mounting a small disk needs root");
      return;
    }
    // Else the server would take three quarters of the disk, and refuse what the streams reserve.
    const bus = await nats({ data: path.join(disk, "js"), maxFileStore: "10GB" });
    const control = server(scratch, bus.url);
    const hands = worker(scratch, bus.url);
    const pids = [control.pid, hands.pid];
    const patient = await clientOf(scratch, control);
    const hasty = await clientOf(scratch, control, 0);
    await hands.said("code loaded");
    await register(scratch, control);
    const accepted = await Promise.all([1, 2, 3, 4].map((n) => patient.runs.start("one", { n })));
    fill(path.join(disk, "filler"));
    const refused = await hasty.runs.start("one", { n: 5, big: "x".repeat(40_000) }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({
      code: "unavailable",
      reason: "storage_failed",
      message: expect.stringMatching(/stores nothing: its disk is full or broken/),
      suggestions: [expect.stringMatching(/make room .* then restart that server/), expect.anything()],
    });
    const asked = ["bus", "doctor", "--bus", bus.url, "--monitor", bus.monitor];
    expect(await runAf(asked, { cwd: scratch.dir })).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/is not well: .*no space left on device[^]*make room/),
    });
    const waiting = patient.runs.startAndWait("one", { n: 6 });
    rmSync(path.join(disk, "filler"));
    await bus.end("SIGTERM");
    await bus.start("kept");
    expect(await waiting).toMatchObject({ status: "completed", output: { value: 6 } });
    for (const { run } of accepted)
      expect(await patient.runs.wait(run)).toMatchObject({ status: "completed" });
    expect([control.pid, hands.pid]).toEqual(pids);
  }, 60_000);

  test("without its data nothing is served, and with it everything goes on", async () => {
    const scratch = project(oneTool(slow));
    const data = path.join(scratch.dir, "js");
    const bus = await nats({ data });
    const control = server(scratch, bus.url);
    const hands = worker(scratch, bus.url);
    const client = await clientOf(scratch, control, 60_000);
    const hasty = await clientOf(scratch, control, 0);
    await hands.said("code loaded");
    await register(scratch, control);
    const { run } = await client.runs.startAndWait("one", { n: 1 });
    await bus.end("SIGTERM");
    cpSync(data, `${data}.kept`, { recursive: true });
    await bus.start("empty");
    const line = await control.said(lostLine);
    expect(line).toMatchObject({ error: { reason: "installation_lost" }, found: "none" });
    const lost = { code: "unavailable", reason: "installation_lost" };
    await expect(hasty.runs.start("one", { n: 2 })).rejects.toMatchObject(lost);
    await expect(hasty.runs.get(run)).rejects.toMatchObject(lost);
    expect(await afAt(scratch, control, ["status"])).toMatchObject({
      code: 6,
      stderr: expect.stringMatching(/no installation at all[^]*goes on by itself[^]*begin anew/),
    });
    expect(await afAt(scratch, control, ["doctor"])).toMatchObject({
      stdout: expect.stringMatching(/no installation at all[^]*goes on by itself/),
    });
    // A second one, with a memory of its own, makes a new installation: it is not taken for the old one.
    const other = server(scratch, bus.url, "other");
    await other.said("ready");
    await until("the other made an installation", async () => {
      const error: unknown = await hasty.status().catch((thrown: unknown) => thrown);
      return error instanceof Error && /another one/.test(error.message);
    });
    await other.end();
    const waiting = client.runs.startAndWait("one", { n: 3 });
    await bus.end("SIGKILL");
    rmSync(data, { recursive: true });
    cpSync(`${data}.kept`, data, { recursive: true });
    await bus.start("kept");
    expect(await waiting).toMatchObject({ status: "completed", output: { value: 3 } });
    expect(await client.runs.get(run)).toMatchObject({ status: "completed", output: { value: 1 } });
  }, 90_000);

  test("a control plane without its installation waits, until an operator begins anew", async () => {
    const scratch = project(oneTool(slow));
    const bus = await nats();
    const first = server(scratch, bus.url);
    const hands = worker(scratch, bus.url);
    await hands.said("code loaded");
    await register(scratch, first);
    const { run } = await (await clientOf(scratch, first)).runs.startAndWait("one", { n: 1 });
    await first.end();
    await bus.end("SIGTERM");
    await bus.start("empty");
    const second = server(scratch, bus.url);
    await second.said(lostLine);
    const hasty = await clientOf(scratch, second, 0);
    await expect(hasty.runs.get(run)).rejects.toMatchObject({ reason: "installation_lost" });
    const { url } = await second.said("ready");
    await until("it says that it is not ready", async () => {
      const ready = await (await fetch(`${String(url)}/readyz`)).text();
      return ready.includes("installation_lost");
    });
    await second.end();
    rmSync(path.join(scratch.dir, "server/installation.json"));
    const third = server(scratch, bus.url);
    const client = await clientOf(scratch, third);
    await until("the worker tells it of its tools", async () => (await client.tools.list()).items.length > 0);
    await register(scratch, third);
    expect(await client.runs.startAndWait("one", { n: 2 })).toMatchObject({ output: { value: 2 } });
    await expect(client.runs.get(run)).rejects.toMatchObject({ code: "not_found" });
    const listed = async (): Promise<boolean> => (await client.runs.list({})).runs.length > 0;
    await until("the new run is listed", listed);
    expect((await client.runs.list({})).runs).toHaveLength(1);
  }, 60_000);
});

const lostLine = "the bus does not hold the installation that is served here: nothing is served";
