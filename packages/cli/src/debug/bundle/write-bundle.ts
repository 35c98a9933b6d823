import { AgentFlowError } from "@agentflow/protocol";
import { gzipSync } from "node:zlib";
import { toJson } from "../parse-json.ts";
import type { Recording } from "../recording.ts";
import { type BundleManifest, bundleBytesMax, bundleFiles } from "./format.ts";
import { type Hiding, hideSecrets, leaveContentOut } from "./strip.ts";
import { writeTar } from "./tar.ts";

export interface BundleOptions {
  readonly content: boolean;
  readonly hiding: Hiding & { readonly known: number };
  readonly version: string;
  readonly atMs: number;
}

export interface Bundle {
  readonly bytes: Uint8Array;
  readonly manifest: BundleManifest;
}

/** The run as one file that can be given away: secrets hidden, and content too when asked to. */
export function writeBundle(recording: Recording, options: BundleOptions): Bundle {
  const { content, hiding, version, atMs } = options;
  const { run, plan, why, events, journals, telemetry } = recording;
  let values = 0;
  const clean = (value: object): string => {
    const plain = toJson(value);
    const hidden = hideSecrets(content ? plain : leaveContentOut(plain), hiding);
    values += hidden.count;
    return `${JSON.stringify(hidden.value)}\n`;
  };
  // The plan is the workflow as it was written: it stays, without the secrets that should not be in it.
  const whole = (value: object): string => {
    const hidden = hideSecrets(toJson(value), hiding);
    values += hidden.count;
    return `${JSON.stringify(hidden.value)}\n`;
  };
  const texts: [string, string | undefined][] = [
    [bundleFiles.run, clean(run)],
    [bundleFiles.plan, plan === undefined ? undefined : whole(plan)],
    [bundleFiles.why, why === undefined ? undefined : clean(why)],
    [bundleFiles.events, events.map(clean).join("")],
    [bundleFiles.journals, journals.map(clean).join("")],
    [bundleFiles.telemetry, telemetry.map(clean).join("")],
  ];
  const manifest: BundleManifest = {
    v: 1,
    kind: "afdebug",
    madeAt: new Date(atMs).toISOString(),
    versions: { af: version, node: process.version },
    run: run.run,
    workflow: run.workflow,
    content,
    redacted: { knownSecrets: hiding.known, values },
    counts: { events: events.length, journals: journals.length, telemetry: telemetry.length },
  };
  const first = `${JSON.stringify(manifest, undefined, 2)}\n`;
  const files = [[bundleFiles.manifest, first] as const, ...texts].flatMap(([name, text]) =>
    text === undefined ? [] : [{ name, bytes: Buffer.from(text) }],
  );
  const tar = writeTar(files, atMs);
  if (tar.length > bundleBytesMax) throw tooBig(tar.length, content);
  return { bytes: gzipSync(tar), manifest };
}

function tooBig(bytes: number, content: boolean): AgentFlowError {
  return new AgentFlowError("limit_exceeded", `the bundle would be ${bytes} bytes, over ${bundleBytesMax}`, {
    reason: "bundle_too_big",
    suggestions: content ? ["leave out inputs, outputs and messages: --no-content"] : [],
  });
}
