/** What `af debug` is given: a bundle's file, or a run of the installation. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { bundleBytesMax } from "./bundle/format.ts";
import { entriesOf, type Recording } from "./recording.ts";
import { readRun } from "./read-run.ts";
import { Replay } from "./state.ts";

/** A name that can only be a file's: a run id has neither a dot nor a slash. */
export function isBundleName(text: string): boolean {
  return /[./\\]/.test(text);
}

export async function replayOf(recording: Recording): Promise<Replay> {
  const [{ viewRun }, { viewTurn }] = await Promise.all([
    import("@agentflow/core/run"),
    import("@agentflow/core/turn"),
  ]);
  return new Replay(recording, entriesOf(recording), { viewRun, viewTurn });
}

/** Refuses what is no bundle; nothing of it is written anywhere. */
export async function openBundle(file: string): Promise<Recording> {
  const { parseBundle } = await import("./bundle/parse-bundle.ts");
  return parseBundle(readFile(file), file);
}

/** The run as it is now; what happens to it later is seen by asking again. */
export function openRun(client: Client, run: string, whole: boolean) {
  const journalPage = (after: string | undefined) =>
    client.runs.journal(run, after === undefined ? {} : { after });
  return readRun({ client, run, whole, journalPage });
}

function readFile(file: string): Uint8Array {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch (cause) {
    throw new AgentFlowError("not_found", `there is no file ${file}`, {
      reason: "no_such_file",
      cause,
      suggestions: ["for a run, give its id, the beginning of it, or @last"],
    });
  }
  try {
    const { size } = fstatSync(fd);
    if (size <= bundleBytesMax) return readFileSync(fd);
    throw new AgentFlowError("limit_exceeded", `${file} is over ${bundleBytesMax} bytes: no bundle is`, {
      reason: "bundle_too_big",
    });
  } finally {
    closeSync(fd);
  }
}
