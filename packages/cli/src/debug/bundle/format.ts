/** What stands in a bundle: a tar archive, compressed by gzip, of these files. */
export const bundleFiles = {
  manifest: "manifest.json",
  run: "run.json",
  plan: "plan.json",
  why: "why.json",
  events: "events.jsonl",
  journals: "journals.jsonl",
  telemetry: "telemetry.jsonl",
} as const;

export const bundleNames: ReadonlySet<string> = new Set(Object.values(bundleFiles));

/** Of the archive unpacked. A bundle that would be bigger is not written, one that is is not read. */
export const bundleBytesMax = 64 * 1024 * 1024;

export interface BundleManifest {
  readonly v: 1;
  readonly kind: "afdebug";
  readonly madeAt: string;
  /** The `af` that made it, and the installation it asked. */
  readonly versions: { readonly af: string; readonly node: string };
  readonly run: string;
  readonly workflow: string;
  /** False: inputs, outputs, messages and what was logged are left out. */
  readonly content: boolean;
  /** What was hidden: values that are known as secrets, and values under keys that are named like one. */
  readonly redacted: { readonly knownSecrets: number; readonly values: number };
  readonly counts: { readonly events: number; readonly journals: number; readonly telemetry: number };
}
