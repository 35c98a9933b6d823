/** A second `af dev` in a folder joins the first: it shows what that one does, and ends without ending it. */
import { AgentFlowError } from "@agentflow/protocol";
import type { TelemetryRecord } from "@agentflow/sdk/client";
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
  const token = readFileSync(paths.token, "utf8").trim();
  const isThere = (): boolean => readOwner(paths.state)?.pid === file.pid;
  return watchOther(options, { file, token, isThere });
}

interface Other {
  readonly file: DevFile;
  readonly token: string;
  readonly isThere: () => boolean;
}

async function watchOther(options: DevOptions, of: Other): Promise<number> {
  const { file, token } = of;
  const { createClient } = await import("@agentflow/sdk/client");
  const { createScreen } = await import("./create-screen.ts");
  const client = createClient({ url: file.url, token, retryForMs: 0 });
  // Its lines are all that this process has to show.
  const screen = createScreen({ ...options, logs: true });
  // Before the first line: whoever reads it may answer with Ctrl-C.
  const stop = new AbortController();
  process.on("SIGINT", () => stop.abort());
  process.on("SIGTERM", () => stop.abort());
  screen.joined(file);
  const show = (record: TelemetryRecord): void => {
    if (record.kind === "log") screen.logs([record]);
  };
  const aborted = new Promise<undefined>((resolve) => {
    stop.signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  try {
    const first = client.telemetry.query({ kind: "log", newest: true, limit: 20 });
    const page = await Promise.race([first, aborted]);
    page?.records.forEach(show);
    const asked = { kind: "log", after: page?.cursor ?? "" } as const;
    for await (const item of client.telemetry.stream(asked, { signal: stop.signal })) {
      if (item.kind === "record") show(item.record);
    }
  } catch (error) {
    if (!stop.signal.aborted && !(await endsSoon(of.isThere))) throw silent(file, error);
    screen.otherEnded(file);
  } finally {
    client.close();
  }
  return 0;
}

/** One that ends closes its doors a little earlier. One that is stopped, or stuck, is there for good. */
async function endsSoon(isThere: () => boolean): Promise<boolean> {
  for (let tries = 0; isThere(); tries++) {
    if (tries === 50) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return true;
}

function silent({ pid, url }: DevFile, cause: unknown): AgentFlowError {
  return new AgentFlowError(
    "unavailable",
    `af dev runs here (process ${pid}) and does not answer at ${url}`,
    {
      reason: "owner_silent",
      details: { pid, url },
      suggestions: [
        `let it go on: kill -CONT ${pid}`,
        `or end it: kill -9 ${pid}; its runs go on at the next af dev`,
      ],
      cause,
    },
  );
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
