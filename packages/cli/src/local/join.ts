/** A second `af dev` in a folder joins the first: it shows what that one does, and ends without ending it. */
import { AgentFlowError } from "@agentflow/protocol";
import { readFileSync } from "node:fs";
import type { DevOptions } from "./dev-options.ts";
import { parseDevFile } from "./parse-lines.ts";
import type { DevFile, LocalPaths } from "./paths.ts";

/** The exit code after joining, or undefined when nobody runs here. */
export async function join(options: DevOptions, paths: LocalPaths): Promise<number | undefined> {
  const { readOwner } = await import("@agentflow/bus/embedded");
  const owner = readOwner(paths.state);
  if (owner === undefined) return undefined;
  const file = await devFile(paths, owner.pid);
  if (file === undefined) {
    throw new AgentFlowError("conflict", `process ${owner.pid} holds the state of this project`, {
      reason: "owned",
      details: { pid: owner.pid },
      suggestions: [`end it: kill ${owner.pid}`, "af doctor"],
    });
  }
  if (options.fresh) {
    throw new AgentFlowError(
      "conflict",
      `af dev runs here already (process ${file.pid}): its state is in use`,
      {
        reason: "owned",
        details: { pid: file.pid, url: file.url },
        suggestions: ["stop it first, then af dev --fresh"],
      },
    );
  }
  return watchOther(options, { file, token: readFileSync(paths.token, "utf8").trim() });
}

async function watchOther(options: DevOptions, of: { file: DevFile; token: string }): Promise<number> {
  const { file, token } = of;
  const { createClient } = await import("@agentflow/sdk/client");
  const { createScreen } = await import("./create-screen.ts");
  const client = createClient({ url: file.url, token, retryForMs: 0 });
  const screen = createScreen(options);
  // Before the first line: whoever reads it may answer with Ctrl-C.
  const stop = new AbortController();
  process.on("SIGINT", () => stop.abort());
  process.on("SIGTERM", () => stop.abort());
  screen.joined(file);
  let after: string | undefined;
  while (!stop.signal.aborted) {
    try {
      const page = await client.telemetry.query({
        kind: "log",
        ...(after === undefined ? { newest: true, limit: 20 } : { after }),
      });
      for (const record of page.records) if (record.kind === "log") screen.logs([record]);
      after = page.cursor;
    } catch {
      screen.otherEnded(file);
      break;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 300);
      stop.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
  client.close();
  return 0;
}

/** The file of the owner; it may still be on its way when that one has only just started. */
async function devFile(paths: LocalPaths, pid: number): Promise<DevFile | undefined> {
  for (let round = 0; round < 40; round++) {
    try {
      const file = parseDevFile(readFileSync(paths.dev, "utf8"));
      if (file.pid === pid) return file;
    } catch {
      // Not there yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return undefined;
}
