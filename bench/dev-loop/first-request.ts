/** The CPU time of a command up to its first request: a listener of our own looks when that is there. */
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import http from "node:http";
import { once } from "node:events";
import { afBin } from "../embedded/dev.ts";
import { NODE, endWithUs } from "../lib/children.ts";

/** Averages over `times` calls, after one that warms the caches. Throws when no request comes. */
export async function cpuToFirstRequest(words: readonly string[], cwd: string, times = 20): Promise<number> {
  let onRequest: () => void = () => {};
  const server = http.createServer((request) => {
    onRequest();
    request.socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no address to listen on");
  const url = `http://127.0.0.1:${address.port}`;
  try {
    let total = 0;
    for (let i = 0; i <= times; i++) {
      const child = endWithUs(spawn(NODE, [afBin, ...words, "--url", url], { cwd, stdio: "ignore" }));
      const gone = once(child, "exit");
      let cpuMs: number | undefined;
      onRequest = () => {
        cpuMs ??= cpuMsOf(child.pid ?? 0);
        child.kill("SIGKILL");
      };
      await gone;
      if (cpuMs === undefined) throw new Error(`af ${words.join(" ")} made no request`);
      if (i > 0) total += cpuMs;
    }
    return total / times;
  } finally {
    server.close();
  }
}

/** Of all its threads, to the nanosecond: the tick of `stat` is a hundredth of a second. */
function cpuMsOf(pid: number): number {
  const folder = `/proc/${pid}/task`;
  const times = readdirSync(folder).map((thread) =>
    Number(readFileSync(`${folder}/${thread}/schedstat`, "latin1").split(" ")[0]),
  );
  return times.reduce((sum, ns) => sum + ns, 0) / 1e6;
}
