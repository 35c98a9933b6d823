/** The way back that `installation_lost` names: a backup, restored under control planes that wait for it. */
import { natsServerMissing } from "@agentflow/bus/servers";
import { describe, expect, test } from "vitest";
import { openedHere } from "./opened.ts";
import { runAf } from "../run-af.ts";
import { afAt, openedServices, register } from "./opened-services.ts";
import { oneTool } from "./scratch.ts";

const missing = await natsServerMissing();
const { project } = openedHere();
const { nats, server, worker, client: clientOf } = openedServices();

describe.skipIf(missing !== undefined)("when nats-server comes up with an empty folder", () => {
  test("a backup is restored under the control planes, which go on by themselves", async () => {
    const bus = await nats();
    const scratch = project(oneTool("return n;"));
    const [control, ended] = [server(scratch, bus.url, "one"), server(scratch, bus.url, "two")];
    const hands = worker(scratch, bus.url);
    const client = await clientOf(scratch, control, 60_000);
    await hands.said("code loaded");
    await ended.said("ready");
    await register(scratch, control);
    const { run } = await client.runs.startAndWait("one", { n: 1 });
    expect(await afAt(scratch, control, ["backup", "all.zst"])).toMatchObject({ code: 0 });
    await hands.end();
    await ended.end();
    await bus.end("SIGTERM");
    await bus.start("empty");
    // One saw the data go, and one comes when it is gone.
    const late = server(scratch, bus.url, "two");
    const lost = "the bus does not hold the installation that is served here: nothing is served";
    await Promise.all([control.said(lost), late.said(lost)]);
    const restored = await runAf(["restore", "all.zst", "--bus", bus.url], { cwd: scratch.dir });
    expect(restored).toMatchObject({ code: 0 });
    const again = worker(scratch, bus.url);
    expect(await client.runs.get(run)).toMatchObject({ status: "completed", output: { value: 1 } });
    await again.said("code loaded");
    for (const one of [control, late]) {
      const { runs } = await clientOf(scratch, one, 60_000);
      expect(await runs.startAndWait("one", { n: 3 })).toMatchObject({ output: { value: 3 } });
    }
  }, 60_000);
});
