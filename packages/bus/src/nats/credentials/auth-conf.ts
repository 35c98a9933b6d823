/** The part of a nats-server's configuration that knows our identities: to be included, holding no secret. */
import { sharedWith } from "./accounts.ts";
import { type Permissions, permissionsOf } from "./permissions.ts";
import { type Role, roleName, type WorkerRole } from "./roles.ts";

export interface AuthUser {
  readonly role: Role;
  readonly publicKey: string;
}

type WorkerUser = AuthUser & { readonly role: WorkerRole };

const head = [
  "# Made by `af bus credentials`. Beside the server's configuration, and in it: include ./auth.conf",
  "# It holds public keys alone. After a change: nats-server --signal reload",
];

/** Users by their public keys, each with the lists of what it may publish and listen to: one account. */
export function writeAuthConf(users: readonly AuthUser[]): string {
  return block([...head, "authorization {", ...usersLines(users), "}"]);
}

/** The same lists, and an account for each tenant: what its worker shares with the installation is named. */
export function writeAccountsConf(users: readonly AuthUser[]): string {
  const workers = users.filter(isWorker);
  const own = users.filter((user) => !isWorker(user));
  return block([
    ...head,
    "accounts {",
    `${accountOfAll} {`,
    "jetstream: enabled",
    ...usersLines(own),
    "exports: [",
    ...workers.flatMap(({ role }) => {
      const to = `accounts: [${accountOf(role)}]`;
      const { asked, heard } = sharedWith(role);
      return [
        ...asked.map(({ subject, many }) => {
          // A pull has many answers; every other request one.
          const answers = many ? ", response_type: Stream" : "";
          return `{ service: ${JSON.stringify(subject)}, ${to}${answers} }`;
        }),
        ...heard.map((subject) => `{ stream: ${JSON.stringify(subject)}, ${to} }`),
      ];
    }),
    "]",
    "}",
    ...workers.flatMap((user) => tenantLines(user)),
    "}",
  ]);
}

const accountOfAll = "AGENTFLOW";

function accountOf({ tenant }: WorkerRole): string {
  return `TENANT_${tenant}`;
}

function tenantLines(user: WorkerUser): string[] {
  const { asked, heard } = sharedWith(user.role);
  const of = (subject: string): string => `{ account: ${accountOfAll}, subject: ${JSON.stringify(subject)} }`;
  return [
    `${accountOf(user.role)} {`,
    ...usersLines([user]),
    "imports: [",
    ...asked.map(({ subject }) => `{ service: ${of(subject)} }`),
    ...heard.map((subject) => `{ stream: ${of(subject)} }`),
    "]",
    "}",
  ];
}

function isWorker(user: AuthUser): user is WorkerUser {
  return user.role.kind === "worker";
}

function usersLines(users: readonly AuthUser[]): string[] {
  const lines = users.flatMap(({ role, publicKey }) => [
    `# ${roleName(role)}`,
    "{",
    `nkey: ${publicKey}`,
    ...permissionLines(permissionsOf(role)),
    "}",
  ]);
  return ["users: [", ...lines, "]"];
}

function permissionLines({ publish, subscribe }: Permissions): string[] {
  return [
    "permissions: {",
    "publish: {",
    ...listed("allow", publish.allow),
    ...(publish.deny.length === 0 ? [] : listed("deny", publish.deny)),
    "}",
    "subscribe: {",
    ...listed("allow", subscribe),
    "}",
    "}",
  ];
}

function listed(word: string, subjects: readonly string[]): string[] {
  return [`${word}: [`, ...subjects.map((subject) => JSON.stringify(subject)), "]"];
}

/** Indented by what is open, so that a person can read it. */
function block(lines: readonly string[]): string {
  let depth = 0;
  const indented = lines.map((line) => {
    if (/^[}\]]/.test(line)) depth--;
    const text = `${"  ".repeat(depth)}${line}`;
    if (/[{[]$/.test(line)) depth++;
    return text;
  });
  return `${indented.join("\n")}\n`;
}
