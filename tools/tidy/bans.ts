/** Ambient things that make a run differ from its replay, or a library talk: banned outside adapters. */
import { adapters, isAllowed } from "./allow.ts";
import { declaredNames } from "./declared.ts";
import type { Finding } from "./finding.ts";
import type { Import } from "./imports.ts";
import { child, type Source, type Syntax, text, type Visited } from "./source.ts";

const instead = {
  clock: "take a clock as an argument",
  dice: "take a random source as an argument",
  timers: "take timers as an argument",
  settings: "take the value as an argument",
  talk: "take a log, or give the text back",
} as const;

type Instead = (typeof instead)[keyof typeof instead];

const globals: Readonly<Record<string, Instead>> = {
  setTimeout: instead.timers,
  setInterval: instead.timers,
  setImmediate: instead.timers,
  console: instead.talk,
};

const members: Readonly<Record<string, Instead>> = {
  "Date.now": instead.clock,
  "performance.now": instead.clock,
  "performance.timeOrigin": instead.clock,
  "process.hrtime": instead.clock,
  "Math.random": instead.dice,
  "crypto.randomUUID": instead.dice,
  "crypto.randomBytes": instead.dice,
  "crypto.randomInt": instead.dice,
  "crypto.getRandomValues": instead.dice,
  "AbortSignal.timeout": instead.timers,
  "process.env": instead.settings,
};

/** The same by the door of an import. `*` stands for every name of the module. */
const imported: Readonly<Record<string, Readonly<Record<string, Instead>>>> = {
  crypto: {
    randomUUID: instead.dice,
    randomBytes: instead.dice,
    randomInt: instead.dice,
    randomFill: instead.dice,
    randomFillSync: instead.dice,
    getRandomValues: instead.dice,
    webcrypto: instead.dice,
  },
  timers: { "*": instead.timers },
  "timers/promises": { "*": instead.timers },
  process: { env: instead.settings, hrtime: instead.clock },
  perf_hooks: { performance: instead.clock },
  console: { "*": instead.talk },
};

/** Uses of the banned things in a file that is no adapter. */
export function checkBans(source: Source, imports: readonly Import[]): Finding[] {
  if (isAllowed(adapters, source.path)) return [];
  const ownNames = declaredNames(source.nodes);
  const used = source.nodes.flatMap((visited) => {
    const name = bannedName(visited, ownNames);
    if (name === undefined) return [];
    const advice = globals[name] ?? members[name] ?? instead.clock;
    return [source.finding(visited.node.start, "banned-global", `${name}: ${advice}`)];
  });
  return [...used, ...bannedImports(source, imports)];
}

function bannedName(visited: Visited, ownNames: ReadonlySet<string>): string | undefined {
  const { node, parents } = visited;
  if (parents.some(({ type }) => type === "TSTypeQuery")) return undefined;
  if (isDateOfNow(node)) return "new Date()";
  if (node.type === "MemberExpression") return bannedMember(node);
  const name = node.type === "Identifier" ? text(node, "name") : undefined;
  if (name === undefined || !Object.hasOwn(globals, name) || ownNames.has(name)) return undefined;
  return isReference(node, parents[0]) ? name : undefined;
}

function isDateOfNow(node: Syntax): boolean {
  const callsDate = text(child(node, "callee"), "name") === "Date";
  if (node.type === "CallExpression") return callsDate;
  return (
    node.type === "NewExpression" &&
    callsDate &&
    Array.isArray(node["arguments"]) &&
    node["arguments"].length === 0
  );
}

function bannedMember(node: Syntax): string | undefined {
  const property = propertyName(node);
  const object = child(node, "object");
  if (property === undefined || object === undefined) return undefined;
  const owner = object.type === "MemberExpression" ? propertyName(object) : text(object, "name");
  if (owner === "globalThis" && Object.hasOwn(globals, property)) return property;
  const isGlobal = object.type === "Identifier" || text(child(object, "object"), "name") === "globalThis";
  const name = `${owner}.${property}`;
  return isGlobal && Object.hasOwn(members, name) ? name : undefined;
}

function propertyName(node: Syntax): string | undefined {
  const property = child(node, "property");
  return node["computed"] === true ? text(property, "value") : text(property, "name");
}

/** False where the name only labels something: a property, a key, a type's member. */
function isReference(node: Syntax, parent: Syntax | undefined): boolean {
  if (parent === undefined || parent.type.startsWith("TS") || parent.type.startsWith("Import")) return false;
  if (parent.type === "MemberExpression")
    return child(parent, "object") === node || parent["computed"] === true;
  // In `{ setTimeout }` the key and the value are two of the tree's nodes; the value is the use.
  return child(parent, "key") !== node || parent["computed"] === true;
}

function bannedImports(source: Source, imports: readonly Import[]): Finding[] {
  return imports.flatMap(({ specifier, offset, names, typeOnly }) => {
    const module = specifier.replace(/^node:/, "");
    const banned = Object.hasOwn(imported, module) ? imported[module] : undefined;
    if (banned === undefined || typeOnly) return [];
    const found = names.flatMap((name) => (Object.hasOwn(banned, name) ? [`${name}: ${banned[name]}`] : []));
    const whole = banned["*"] === undefined ? [] : [`"${specifier}": ${banned["*"]}`];
    return [...found, ...whole].map((message) => source.finding(offset, "banned-global", message));
  });
}
