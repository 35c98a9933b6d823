/** `af init` with install: how long it takes and how much it leaves on disk. */
import { spawnSync } from "node:child_process";
import { afBin } from "../embedded/dev.ts";
import { NODE } from "../lib/children.ts";

export interface InitCost {
  readonly seconds: number;
  readonly megabytes: number;
  readonly problem: string | undefined;
}

export function measureInit(dir: string): InitCost {
  const beganMs = performance.now();
  const words = ["init", "fresh", "--template", "minimal", "--no-input"];
  const done = spawnSync(NODE, [afBin, ...words], { cwd: dir, encoding: "utf8", timeout: 120_000 });
  const seconds = (performance.now() - beganMs) / 1_000;
  const size = spawnSync("du", ["-sk", `${dir}/fresh`], { encoding: "utf8" });
  const problem = done.status === 0 ? undefined : `exit ${done.status}: ${done.stderr.slice(0, 200)}`;
  return { seconds, megabytes: Number.parseInt(size.stdout, 10) / 1_024, problem };
}
