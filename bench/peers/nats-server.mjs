import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { freePort, start, waitPort } from "../lib/children.ts";

/** NATS_SERVER names the binary; otherwise the newest one on PATH. Durable state under dir. */
export function natsBin() {
  return process.env.NATS_SERVER ?? "nats-server";
}
export function natsVersion() {
  return execFileSync(natsBin(), ["-v"]).toString().trim();
}

/** sync: 'default' (fsync every 2 min), 'always' (fsync before the PubAck) or a duration. */
export async function startNats(dir, sync = process.env.BENCH_NATS_SYNC ?? "default") {
  if (natsBin().includes("/") && !existsSync(natsBin())) throw new Error(`no ${natsBin()}`);
  const port = await freePort();
  const conf = path.join(dir, "nats.conf");
  const interval = sync === "default" ? "" : `, sync_interval: ${sync}`;
  const storage = `store_dir: "${path.join(dir, "js")}"${interval}`;
  writeFileSync(conf, `listen: "127.0.0.1:${port}"\njetstream { ${storage} }\n`);
  const server = start(dir, "nats", natsBin(), ["-c", conf]);
  await waitPort(port);
  return { server, port, url: `nats://127.0.0.1:${port}`, sync };
}
