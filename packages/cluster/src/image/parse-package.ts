/** package.json and package-lock.json as far as images need them; what else stands in them is kept. */
import { AgentFlowError } from "@agentflow/protocol";

export type Names = { readonly [name: string]: string };

export interface PackageFile {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: Names;
  readonly devDependencies?: Names;
  readonly optionalDependencies?: Names;
  readonly peerDependencies?: Names;
  readonly peerDependenciesMeta?: { readonly [name: string]: { readonly optional?: boolean } };
  readonly files?: readonly string[];
  readonly workspaces?: readonly string[] | { readonly packages?: readonly string[] };
}

export interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly dependencies?: Names;
  readonly devDependencies?: Names;
  readonly optionalDependencies?: Names;
  readonly peerDependencies?: Names;
  readonly peerDependenciesMeta?: { readonly [name: string]: { readonly optional?: boolean } };
}

export interface LockFile {
  readonly lockfileVersion: number;
  readonly packages: { readonly [path: string]: LockEntry };
}

export function parsePackage(text: string, file: string): PackageFile {
  return parseObject(text, file);
}

/** Version 2 and 3 say `packages`; older ones are refused with the way out. */
export function parseLock(text: string, file: string): LockFile {
  const lock = parseObject(text, file) as Partial<LockFile>;
  if (typeof lock.packages === "object" && lock.lockfileVersion !== undefined) return lock as LockFile;
  throw new AgentFlowError("invalid_project", `${file} is of a version that is too old to install from`, {
    reason: "lock_file_old",
    details: { file },
    suggestions: ["write it anew: npm install --lockfile-version 3"],
  });
}

function parseObject(text: string, file: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    throw notJson(file, error);
  }
  throw notJson(file, undefined);
}

function notJson(file: string, cause: unknown): AgentFlowError {
  return new AgentFlowError("invalid_project", `${file} is not a JSON object`, {
    reason: "package_file_invalid",
    details: { file },
    suggestions: ["npm install says where"],
    ...(cause === undefined ? {} : { cause }),
  });
}
