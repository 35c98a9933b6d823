/**
 * Who is excused from which rule, and why. The only place where an exception is made: a file that needs one
 * is named here, with its reason, where a reviewer sees it.
 */
import { matchesGlob } from "node:path";

export function isAllowed(list: readonly string[], path: string): boolean {
  return list.some((glob) => matchesGlob(path, glob));
}

/** Tests: they may be long (a table has many rows), and they drive real clocks and processes. */
export const tests = [
  "**/*.test.ts",
  "**/*.test-d.ts",
  "packages/*/test/**",
  "packages/*/src/**/fixtures/**",
  // Suites that are called from tests: one long list of promises each.
  "packages/bus/src/contract/**",
];

/** Scripts of this repository: no server and no library, so they talk and wait as scripts do. */
export const scripts = ["tools/**", "bench/**", "examples/**", "deploy/docker/**", "*.config.ts"];

/** May touch clock, dice, timers, environment and console. Everything else takes them as arguments. */
export const adapters = [
  ...tests,
  ...scripts,
  // Where a process begins: here the real clock is chosen and handed down.
  "packages/*/src/main.ts",
  "packages/*/bin/**",
  // One folder per broker or disk format.
  "packages/bus/src/{embedded,memory,nats,redis,rabbitmq,shared}/**",
  // The command line is a process of its own; it talks to a terminal.
  "packages/cli/src/**",
  // A child process that runs users' code; it owns nothing that is replayed.
  "packages/runtime/src/runner/**",
  // A server for tests: its pace is the real clock's.
  "packages/runtime/src/model/mock/**",
  // A scripted reply takes the time that its script says, in a process of users' code.
  "packages/runtime/src/model/scripted.ts",
  // Where a process begins, in a container: what it is given goes into its own environment.
  "packages/runtime/src/contained/main.ts",
  // Where a worker meets the operating system: pipes, children and what they print.
  "packages/runtime/src/channel/frames.ts",
  "packages/runtime/src/worker/{runner-process,output-lines}.ts",
  // The same with an engine and a network at the other end: time limits of sockets, and who runs this.
  "packages/runtime/src/sandbox/{engine,egress,for-worker}.ts",
  // The HTTP edge: what keeps a connection alive or cuts it off is never replayed.
  "packages/control-plane/src/api/{server,events,socket}.ts",
  // Drives virtual time from the real one: it waits for users' code, which lives on the real one.
  "packages/testing/src/installation.ts",
  // Virtual time lets promises run on before it moves: only the real loop can tell when they have.
  "packages/host/src/virtual/virtual-time.ts",
  // The system clock, dice, timers and signals behind the ports that servers take.
  "packages/host/src/system/**",
  // Waits on an engine of containers; handed down as an argument.
  "packages/cluster/src/docker/pace.ts",
  // What the client does with the platform it runs on.
  "packages/sdk/src/client/{node,browser}*",
  "packages/sdk/src/client/{node,browser}*/**",
  // A server for tests: its pace is the real clock's.
  "packages/test-cluster/src/**",
  // Waits on a cluster; handed down as an argument.
  "packages/cluster/src/kubernetes/pace.ts",
  "packages/runtime/src/sandbox/pace.ts",
  // Projects that `af init` copies, and users own.
  "templates/**",
  "packages/cli/templates/**",
];

/** May cast with `as`: what gives a branded type its brand, and what turns `unknown` into a type. */
export const casters = [
  "packages/protocol/src/{ids,subjects,errors}.ts",
  "**/parse*.ts",
  "**/*-parse.ts",
  // Proxies that stand for values of a run: their types are the whole point, and the compiler cannot see
  // them.
  "packages/sdk/src/define/{expression,workflow}.ts",
  // Users' projects are shown the plainest code, and are theirs to style.
  "templates/**",
  "packages/cli/templates/**",
];

/** May be longer than 400 lines: schemas are lists, and a list is read by search. */
export const longFiles = [
  ...tests,
  "**/*-schema.ts",
  "**/schema.ts",
  "**/schemas/**",
  "packages/protocol/src/{api,events}/**",
];

/** May hold functions of more than 70 lines: a suite is one function with many short ones inside. */
export const longFunctions = [...tests];

/** May hold lines of more than 110 columns: recorded text, kept letter by letter. */
export const longLines = ["**/fixtures/**"];

/** Our words (see the glossary): these never name anything that a package exports. `Workflow` is one word. */
export const bannedWords = ["job", "jobs", "execution", "executions", "flow", "flows"];
/** Names in which a banned word is part of another's name. */
export const wordsAllowedIn = ["AgentFlow", "agentFlow", "AGENTFLOW", "AGENT_FLOW"];

/** There the banned words are those of another system, which has jobs and nodes. */
export const othersWords = ["packages/test-cluster/**", "packages/cluster/src/kubernetes/**"];
