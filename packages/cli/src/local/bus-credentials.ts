/** Identities of an installation as files of one folder: seeds, and what nats-server must know of them. */
import type { AuthUser, Role } from "@agentflow/bus/nats";
import {
  AgentFlowError,
  type BuildId,
  defaultTenant,
  parseId,
  type PoolName,
  type TenantId,
} from "@agentflow/protocol";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Granted, parseGranted, writeGranted } from "./parse-granted.ts";

export interface CredentialsOptions {
  readonly folder: string;
  /** `default` where none is named, nor was before; pools likewise, and `dev` for builds. */
  readonly tenants: readonly TenantId[];
  readonly pools: readonly PoolName[];
  readonly builds: readonly BuildId[];
  /** Workers may take tasks of every build, also of those that come later. Of one tenant alone. */
  readonly anyBuild?: boolean;
  /** An account for each tenant, instead of permissions alone. */
  readonly accounts: boolean;
  /** What to do with files that are there: refuse, keep the seeds, or make new ones. */
  readonly there: "refuse" | "add" | "rotate";
}

export interface Credential {
  readonly role: string;
  readonly tenant?: TenantId;
  readonly inbox: string;
  readonly publicKey: string;
  readonly seedFile: string;
  readonly state: "made" | "kept" | "rotated";
}

export interface Credentials {
  readonly config: string;
  readonly identities: readonly Credential[];
}

const configName = "auth.conf";

/** Refuses with `already_exists` before anything is written. */
export async function makeCredentials(options: CredentialsOptions): Promise<Credentials> {
  const nats = await import("@agentflow/bus/nats");
  const { folder, there } = options;
  const config = path.join(folder, configName);
  const granted = grantedBy(options, config);
  const roles = rolesOf(options, granted);
  refuseSharedBuilds(roles, granted);
  const seedFile = (role: Role): string => path.join(folder, `${nats.roleName(role)}.nk`);
  if (there === "refuse") refuseOverwriting([config, ...roles.map(seedFile)]);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const made = roles.map((role) => {
    const file = seedFile(role);
    const isThere = existsSync(file);
    const isKept = isThere && there === "add";
    const identity = isKept ? nats.identityFrom(readFileSync(file, "utf8")) : nats.makeIdentity();
    if (!isKept) write(file, `${identity.seed}\n`, 0o600);
    const user: AuthUser = { role, publicKey: identity.publicKey };
    const credential: Credential = {
      role: role.kind,
      ...("tenant" in role ? { tenant: role.tenant } : {}),
      inbox: nats.inboxOf(role),
      publicKey: identity.publicKey,
      seedFile: file,
      state: isKept ? "kept" : isThere ? "rotated" : "made",
    };
    return { user, credential };
  });
  const users = made.map(({ user }) => user);
  const conf = granted.accounts ? nats.writeAccountsConf(users) : nats.writeAuthConf(users);
  write(config, writeGranted(granted) + conf, 0o644);
  return { config, identities: made.map(({ credential }) => credential) };
}

/** What was granted before stays: without it somebody would be locked out, or what was shut be open. */
function grantedBy(options: CredentialsOptions, config: string): Granted {
  const { pools, builds, anyBuild, accounts, there } = options;
  const isThere = there !== "refuse" && existsSync(config);
  const before = isThere ? parseGranted(readFileSync(config, "utf8")) : undefined;
  return {
    accounts: accounts || before?.accounts === true,
    pools: joined(before?.pools ?? [], pools, parseId("pool", "default")),
    builds: joined(before?.builds ?? [], builds, parseId("build", "dev")),
    anyBuild: anyBuild === true || before?.anyBuild === true,
  };
}

/** A tenant whose seed is there stays one. */
function rolesOf({ folder, tenants, there }: CredentialsOptions, granted: Granted): readonly Role[] {
  const before = there === "refuse" ? [] : tenantsIn(folder);
  const all = joined(before, tenants, defaultTenant);
  const { pools } = granted;
  const builds = granted.anyBuild ? "any" : granted.builds;
  return [
    { kind: "control-plane" },
    { kind: "archiver" },
    ...all.map((tenant) => ({ kind: "register", tenant }) as const),
    ...all.map((tenant) => ({ kind: "worker", tenant, pools, builds }) as const),
  ];
}

/** With a right to every consumer a worker of one tenant could take what is another's. */
function refuseSharedBuilds(roles: readonly Role[], { anyBuild }: Granted): void {
  const tenants = roles.filter(({ kind }) => kind === "worker").length;
  if (!anyBuild || tenants === 1) return;
  throw new AgentFlowError("refused", `--any-build is for one tenant, and there are ${tenants}`, {
    reason: "any_build_of_several",
    suggestions: ["name each build: --build BUILD", "an installation of its own for each tenant"],
  });
}

/** Nobody gets a right by being left out: the default is for the first time alone. */
function joined<T>(before: readonly T[], named: readonly T[], byDefault: T): readonly T[] {
  const all = [...new Set([...before, ...named])];
  return all.length === 0 ? [byDefault] : all;
}

function tenantsIn(folder: string): TenantId[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => /^worker-(.+)\.nk$/.exec(name)?.[1] ?? [])
    .map((name) => parseId("tenant", name));
}

/** Whole or not at all, and never readable by others meanwhile. */
function write(file: string, content: string, mode: number): void {
  const fresh = `${file}.new`;
  writeFileSync(fresh, content, { mode, flag: "w" });
  renameSync(fresh, file);
}

function refuseOverwriting(files: readonly string[]): void {
  const there = files.filter((file) => existsSync(file));
  const [first] = there;
  if (first === undefined) return;
  const more = there.length > 1 ? ` and ${there.length - 1} more` : "";
  throw new AgentFlowError("already_exists", `${first}${more} would be overwritten`, {
    reason: "credentials_exist",
    details: { files: there },
    suggestions: [
      "--add keeps the seeds, makes those of new tenants, and writes auth.conf anew",
      "--rotate makes every seed anew: the old ones stop working at the server's reload",
    ],
  });
}
