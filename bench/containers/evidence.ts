/** After the end: what the nodes of the bus hold, read from outside with a control plane's own identity. */
import { execFile } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { NODE } from "../lib/children.ts";
import type { Engine } from "./engine.ts";
import type { Box, Stack } from "./stack.ts";

const execute = promisify(execFile);
const reader = fileURLToPath(new URL("../peers/nats-log.mjs", import.meta.url));

export async function dumpStackLog(
  of: { readonly engine: Engine; readonly stack: Stack; readonly dir: string },
  file: string,
): Promise<void> {
  const { engine, stack, dir } = of;
  const boxes = await stack.boxes();
  const nodes = boxes.filter(({ part }) => part === "nats");
  const servers = await Promise.all(nodes.map((box) => addressOf(engine, box)));
  const owner = boxes.find(({ part }) => part === "control-plane");
  if (owner === undefined) throw new Error("there is no control plane");
  const seed = path.join(dir, "control-plane.nk");
  writeFileSync(seed, await stack.read(owner, (await stack.variable(owner, "AF_BUS__NKEY")) ?? ""), {
    mode: 0o600,
  });
  const inbox = (await stack.variable(owner, "AF_BUS__INBOX")) ?? "";
  try {
    await execute(NODE, [reader, servers.join(","), file, seed, inbox]);
  } finally {
    rmSync(seed, { force: true });
  }
}

/** Within the installation's network, which this machine's own reaches. */
async function addressOf({ docker }: Engine, { name }: Box): Promise<string> {
  const { NetworkSettings } = await docker.getContainer(name).inspect();
  const [network] = Object.values(NetworkSettings.Networks);
  return `nats://${network?.IPAddress ?? ""}:4222`;
}
