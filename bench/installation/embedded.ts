/** The same installation on the embedded bus: one process keeps everything, workers come by its socket. */
import type { ChildProcess } from "node:child_process";
import path from "node:path";
import { createClient } from "@agentflow/sdk/client";
import { NODE, start, stop } from "../lib/children.ts";
import { parseAddress } from "./parse-address.ts";
import { type Installation, makeKeys, register, type ServicesOptions, whoEnded } from "./services.ts";

export async function startEmbedded(
  options: Pick<ServicesOptions, "dir" | "project" | "tenants" | "slots">,
): Promise<Installation> {
  const { dir, project, tenants, slots } = options;
  const children = new Map<string, ChildProcess>();
  const begin = (label: string, file: string, words: readonly string[]): ChildProcess => {
    const program = path.join(import.meta.dirname, file);
    const child = start(dir, label, NODE, ["--conditions=@agentflow/source", program, ...words]);
    children.set(label, child);
    return child;
  };
  const control = begin("control", "embedded-main.ts", [dir]);
  const raw = await new Promise<unknown>((resolve, reject) => {
    control.once("message", resolve);
    control.once("exit", () => reject(new Error(`the control plane did not start; see ${dir}`)));
  });
  const address = parseAddress(raw);
  for (const tenant of tenants) {
    begin(`worker-${tenant}`, "embedded-worker.ts", [project, tenant, String(slots)]).send(address);
  }
  const { url, token } = address;
  const keys = await makeKeys(url, token, tenants);
  for (const key of keys.values()) await register({ url, key, project });
  let isOver = false;
  return {
    url,
    pids: Object.fromEntries([...children].map(([label, { pid = 0 }]) => [label, pid])),
    keyOf: (tenant) => keys.get(tenant) ?? "",
    client: (tenant) => createClient({ url, token: keys.get(tenant) ?? "", retryForMs: 60_000 }),
    broken: () => (isOver ? undefined : whoEnded(children)),
    async stop() {
      isOver = true;
      for (const child of [...children.values()].toReversed()) await stop(child);
    },
  };
}
