/** An installation's state as one file that can be given away. */
import { gzipSync } from "node:zlib";
import { type Hiding, hideSecrets } from "../bundle/strip.ts";
import { type TarFile, writeTar } from "../bundle/tar.ts";
import { toJson } from "../parse-json.ts";
import type { Gathered, Missing, Part } from "./gather.ts";

export interface InstallationManifest {
  readonly v: 1;
  readonly kind: "af-installation";
  readonly madeAt: string;
  readonly versions: { readonly af: string; readonly node: string; readonly platform: string };
  /** The context that was looked at, or its address. */
  readonly of: string;
  /** True: inputs, outputs and what was printed are in it. */
  readonly values: boolean;
  readonly holds: readonly {
    readonly file: string;
    readonly what: string;
    readonly records: number;
    readonly bytes: number;
  }[];
  readonly leftOut: readonly Missing[];
  readonly redacted: { readonly knownSecrets: number; readonly values: number };
}

export interface WriteOptions {
  readonly of: string;
  readonly values: boolean;
  readonly hiding: Hiding & { readonly known: number };
  readonly version: string;
  readonly atMs: number;
}

/** Of one file; what is over it loses its oldest records. */
const fileBytesMax = 8 * 1024 * 1024;

export function writeInstallation(
  { parts, missing }: Gathered,
  options: WriteOptions,
): { readonly bytes: Uint8Array; readonly manifest: InstallationManifest } {
  const { of, values, hiding, version, atMs } = options;
  let hidden = 0;
  const cuts: Missing[] = [];
  const clean = (value: object): string => {
    const safe = hideSecrets(toJson(value), hiding);
    hidden += safe.count;
    return JSON.stringify(safe.value);
  };
  const written = parts.map((part) => {
    const texts = part.records.map(clean);
    const { kept, dropped } = bounded(texts);
    if (dropped > 0)
      cuts.push({ what: `the oldest ${dropped} of ${part.file}`, why: `over ${fileBytesMax} bytes` });
    return { part, kept, bytes: Buffer.from(kept.map((text) => `${text}\n`).join("")) };
  });
  const manifest: InstallationManifest = {
    v: 1,
    kind: "af-installation",
    madeAt: new Date(atMs).toISOString(),
    of,
    values,
    versions: { af: version, node: process.version, platform: `${process.platform}/${process.arch}` },
    holds: written.map(({ part, kept, bytes }) => holdOf(part, kept.length, bytes.length)),
    leftOut: [...missing, ...cuts].map((one) => ({
      what: hiding.redact(one.what),
      why: hiding.redact(one.why),
    })),
    redacted: { knownSecrets: hiding.known, values: hidden },
  };
  const first: TarFile = {
    name: "manifest.json",
    bytes: Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`),
  };
  const files = written.map(({ part, bytes }) => ({ name: part.file, bytes }));
  return { bytes: gzipSync(writeTar([first, ...files], atMs)), manifest };
}

function holdOf({ file, what }: Part, records: number, bytes: number): InstallationManifest["holds"][number] {
  return { file, what, records, bytes };
}

function bounded(texts: readonly string[]): { readonly kept: readonly string[]; readonly dropped: number } {
  let bytes = 0;
  let from = texts.length;
  while (from > 0) {
    bytes += Buffer.byteLength(texts[from - 1] ?? "") + 1;
    if (bytes > fileBytesMax) break;
    from--;
  }
  return { kept: texts.slice(from), dropped: from };
}
