/** Every shape that travels from step to step. One place, so that tools and tests agree on it. */
import { z } from "zod";

const count = z.int().nonnegative();

export const licenceClasses = [
  "permissive",
  "weak-copyleft",
  "strong-copyleft",
  "unknown",
  "missing",
] as const;
export type LicenceClass = (typeof licenceClasses)[number];
const licenceClass = z.enum(licenceClasses);

/** A range of package names: small to carry, and every copy of one package is in the same group. */
export const group = z.object({ id: count, from: z.string(), to: z.string(), packages: count });
export type Group = z.infer<typeof group>;

export const scan = z.object({
  lockfile: z.string(),
  sha256: z.string(),
  lockfileVersion: count,
  project: z.object({ name: z.string(), version: z.string() }),
  packages: count,
  names: count,
  workspaces: count,
  installed: z.boolean(),
  groups: z.array(group),
});
export type Scan = z.infer<typeof scan>;

export const licenceCount = z.object({ licence: z.string(), class: licenceClass, packages: count });
export type LicenceCount = z.infer<typeof licenceCount>;

export const attention = z.object({
  name: z.string(),
  version: z.string(),
  licence: z.string(),
  class: licenceClass,
  dev: z.boolean(),
  /** Whether its own manifest could be read too; without it only the lockfile was asked. */
  installed: z.boolean(),
});
export type Attention = z.infer<typeof attention>;

export const duplicate = z.object({
  name: z.string(),
  versions: z.array(
    z.object({ version: z.string(), paths: z.array(z.string()), wantedBy: z.array(z.string()) }),
  ),
  copies: count,
  dev: z.boolean(),
  /** Bytes that one version instead of several could spare; 0 where nothing is installed. */
  spareBytes: count,
});
export type Duplicate = z.infer<typeof duplicate>;

export const installScript = z.object({
  name: z.string(),
  version: z.string(),
  path: z.string(),
  dev: z.boolean(),
  optional: z.boolean(),
  /** False when the installed package runs a script that the lockfile does not announce. */
  announced: z.boolean(),
  installed: z.boolean(),
  scripts: z.array(z.object({ event: z.string(), command: z.string() })),
});
export type InstallScript = z.infer<typeof installScript>;

export const packageSize = z.object({
  name: z.string(),
  version: z.string(),
  path: z.string(),
  dev: z.boolean(),
  bytes: count,
  files: count,
});
export type PackageSize = z.infer<typeof packageSize>;

const omitted = z.object({
  licences: count,
  attention: count,
  duplicates: count,
  installScripts: count,
  largest: count,
});
export type Omitted = z.infer<typeof omitted>;

const totals = {
  packages: count,
  names: count,
  classes: z.record(licenceClass, count),
  duplicateNames: count,
  spareBytes: count,
  scriptPackages: count,
  measured: count,
  bytes: count,
  files: count,
  depths: z.array(z.object({ depth: count, packages: count })),
  unreachable: count,
  /** The first few of the unreachable. */
  orphans: z.array(z.string()),
  /** A shortest path from the project to a package that is as far away as any. */
  deepest: z.array(z.string()),
};

const lists = {
  licences: z.array(licenceCount),
  attention: z.array(attention),
  duplicates: z.array(duplicate),
  installScripts: z.array(installScript),
  largest: z.array(packageSize),
  /** How many entries each list lost to the size limit of a step's output; the totals count them all. */
  omitted,
};

export const groupFacts = z.object({ group: count, ...totals, ...lists });
export type GroupFacts = z.infer<typeof groupFacts>;

export const facts = z.object({ ...totals, ...lists });
export type Facts = z.infer<typeof facts>;
export type Lists = Pick<Facts, "licences" | "attention" | "duplicates" | "installScripts" | "largest">;

export const severities = ["high", "medium", "low"] as const;
export type Severity = (typeof severities)[number];

export const finding = z.object({
  id: z.string(),
  severity: z.enum(severities),
  /** 0 to 100; findings stand in the order of it. */
  score: count,
  title: z.string(),
  why: z.string(),
  todo: z.string(),
  packages: z.array(z.string()),
});
export type Finding = z.infer<typeof finding>;

export const ranking = z.object({
  counts: z.record(z.enum(severities), count),
  findings: z.array(finding),
  omitted: count,
});
export type Ranking = z.infer<typeof ranking>;

export const written = z.object({ markdown: z.string(), json: z.string(), bytes: count });
export type Written = z.infer<typeof written>;
