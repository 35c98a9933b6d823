import { expect, test } from "vitest";
import type { Dev } from "./dev-process.ts";
import { openedHere, until } from "./opened.ts";
import { pssOf } from "./processes.ts";
import { oneTool, toolFile } from "./scratch.ts";

const { project, ready } = openedHere();

const mebibyte = 1024 * 1024;
const budgetMiB = 250;
/**
 * The heap of a young process grows in steps, so growth is looked at behind them. A bound and no proof: the
 * tenth that it allows is about 0.2 MiB a reload.
 */
const warmUp = 100;
const reloads = warmUp + 100;

async function treeMiB(dev: Dev): Promise<number> {
  await until("one runner is left", () => dev.runners.length === 1);
  return Math.round(dev.tree().reduce((sum, { pid }) => sum + pssOf(pid), 0) / mebibyte);
}

test("two hundred reloads leave one runner and a tree in its budget; the later ones add little", async () => {
  const scratch = project(oneTool("return 0;"));
  const dev = await ready(scratch);
  const { runs } = dev.client();
  const sizes: number[] = [];
  for (let version = 1; version <= reloads; version++) {
    const after = dev.events.length;
    scratch.write("tools/work.ts", toolFile(`return ${version};`));
    await dev.next("reloaded", { after });
    expect(await runs.startAndWait("one", { n: 1 })).toMatchObject({ output: { value: version } });
    if (version === warmUp || version === reloads) sizes.push(await treeMiB(dev));
  }
  const [early = 0, late = 0] = sizes;
  process.stdout.write(`tree: ${early} MiB after ${warmUp} reloads, ${late} after ${reloads}\n`);
  expect(late).toBeLessThan(budgetMiB);
  expect(late).toBeLessThan(early * 1.1);
});
