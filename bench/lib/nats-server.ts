/** A nats-server that is measured: its data in the bench's folder, ended with whoever measures. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { findNatsServer } from "@agentflow/bus/servers";
import { freePort, start, stop, waitPort } from "./children.ts";

export interface BenchNats {
  readonly url: string;
  readonly monitor: string;
  readonly pid: number;
  /** On the same port and data; its clients connect anew. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface BenchNatsCommand {
  readonly command: string;
  readonly words: readonly string[];
  readonly port: number;
  readonly url: string;
  readonly monitor: string;
}

/** How to start one, again and again, on the same ports and data (below `dir`). */
export async function benchNatsCommand(dir: string, sync: "always" | "2m"): Promise<BenchNatsCommand> {
  const [port, monitorPort] = [await freePort(), await freePort()];
  const lines = [
    `listen: "127.0.0.1:${port}"`,
    `http: "127.0.0.1:${monitorPort}"`,
    "max_payload: 2MB",
    `jetstream { store_dir: ${JSON.stringify(path.join(dir, "js"))}, sync_interval: "${sync}" }`,
  ];
  const file = path.join(dir, "nats.conf");
  writeFileSync(file, `${lines.join("\n")}\n`);
  return {
    command: await findNatsServer(),
    words: ["-c", file],
    port,
    url: `nats://127.0.0.1:${port}`,
    monitor: `http://127.0.0.1:${monitorPort}`,
  };
}

export async function startBenchNats(dir: string, sync: "always" | "2m"): Promise<BenchNats> {
  const { command, words, port, url, monitor } = await benchNatsCommand(dir, sync);
  const begin = () => start(dir, "nats", command, words);
  let server = begin();
  await waitPort(port);
  return {
    url,
    monitor,
    get pid() {
      return server.pid ?? 0;
    },
    async restart() {
      await stop(server);
      server = begin();
      await waitPort(port);
    },
    stop: () => stop(server),
  };
}
