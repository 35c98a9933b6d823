/**
 * `npm run bench:stream -- --on embedded|nats --agents N --tokens-per-second N --seconds N`: agents that
 * speak at one time, each followed over a WebSocket of its own; some of the connections are cut at random,
 * and one follower of many runs reads nothing. Exits 1 when a token was lost or told twice, or a run did not
 * complete.
 */
import path from "node:path";
import { parseArgs } from "node:util";
import { writeProject } from "./embedded/project.ts";
import { spreadOf } from "./harness/quantiles.ts";
import { figure } from "./harness/table.ts";
import { startEmbedded } from "./installation/embedded.ts";
import { startServices } from "./installation/services.ts";
import { runDir, sleep } from "./lib/children.ts";
import { dice } from "./lib/dice.ts";
import { machineSeconds } from "./lib/process-table.ts";
import { sampler, type Usage } from "./lib/sampler.ts";
import { deafFollower } from "./stream/deaf.ts";
import { followSpeech, type Heard } from "./stream/follower.ts";
import { speech, streamProject, tokensIn } from "./stream/project.ts";

const { values } = parseArgs({
  options: {
    on: { type: "string", default: "embedded" },
    agents: { type: "string", default: "100" },
    "tokens-per-second": { type: "string", default: "100" },
    seconds: { type: "string", default: "20" },
    /** Share of followers whose connections are cut, and how far apart the cuts are at most. */
    cut: { type: "string", default: "0.3" },
    "cut-every-ms": { type: "string", default: "4000" },
    /** Runs that the follower asks for that reads nothing; 0: there is none. */
    deaf: { type: "string", default: "100" },
    servers: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
  },
});
const agents = Number(values.agents);
const perSecond = Number(values["tokens-per-second"]);
const tokens = perSecond * Number(values.seconds);
const random = dice(Number(values.seed));
const dir = runDir(`stream-${values.on}`);
const project = path.join(dir, "project");
writeProject(project, streamProject({ tokens, perSecond }));
const asked = { dir, project, tenants: ["default"], slots: agents };
const installation =
  values.on === "embedded"
    ? await startEmbedded(asked)
    : await startServices({ ...asked, servers: Number(values.servers) });
const client = installation.client("default");
const token = installation.keyOf("default");
const said = speech(tokens);

const used = sampler(installation.pids);
const before = machineSeconds();
const beganMs = performance.now();
const session = client.session();
const runs = await Promise.all(
  Array.from({ length: agents }, () => session.start("speak", {}, { waitMs: 0 }).then(({ run }) => run)),
);
const { url } = installation;
const deafRuns = runs.slice(0, Number(values.deaf));
const deaf = deafRuns.length === 0 ? undefined : await deafFollower({ url, token, runs: deafRuns });
const following = runs.map((run, n) => followSpeech({ url, token, run, nextCutMs: cutsOf(n) }));
const heard = await Promise.race([Promise.all(following), broken()]);
const isDeafOpen = deaf?.isOpen === true;
const usage = used();
const after = machineSeconds();
const seconds = (performance.now() - beganMs) / 1_000;
const statuses = await Promise.all(runs.map((run) => client.runs.wait(run).then(({ status }) => status)));
report(heard);
deaf?.close();
session.close();
client.close();
await installation.stop();
process.exit();

/** Milliseconds from one cut to the next, for the followers that are cut. */
function cutsOf(n: number): () => number | undefined {
  const isCut = n < agents * Number(values.cut);
  return () => (isCut ? 200 + random() * Number(values["cut-every-ms"]) : undefined);
}

async function broken(): Promise<never> {
  for (;;) {
    await sleep(1_000);
    const why = installation.broken();
    if (why !== undefined) throw new Error(`${why}; see ${dir}`);
  }
}

function report(all: readonly Heard[]): void {
  const faults = faultsOf(all);
  const lost = all.reduce((sum, { text }) => sum + tokens - tokensIn(text), 0);
  const quiet = all.filter(({ cuts }) => cuts === 0);
  const cut = all.filter(({ cuts }) => cuts > 0);
  const total = after.total - before.total;
  process.stdout.write(
    [
      `${values.on}: ${agents} agents of ${perSecond} tokens/s for ${values.seconds} s ` +
        `(${figure(seconds)} s in all)`,
      "",
      "| followers | n | tokens sent, each | tokens received, each | lost | pieces, each | cuts " +
        "| delay p50 ms | p95 ms | max ms |",
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
      rowOf("undisturbed", quiet),
      rowOf("cut at random", cut),
      "",
      `${tokens * agents} tokens sent, ${tokens * agents - lost} received, lost ${lost}` +
        (deaf === undefined ? "" : `; one more follower of ${deafRuns.length} runs read nothing`) +
        (deaf === undefined || isDeafOpen ? "" : " and was cut off"),
      `CPU cores: ${shares(usage, (label) => (usage.cpu[label] ?? 0) / seconds, 2)}; ` +
        `machine ${(((after.busy - before.busy) / total) * 100).toFixed(0)} % busy`,
      `peak memory MiB: ${shares(usage, (label) => (usage.peak[label] ?? 0) / 1024 / 1024, 0)}`,
      faults.length === 0 ? "every token came once, in order" : `${faults.length} FAULTS`,
      ...faults.slice(0, 20),
      "",
    ].join("\n"),
  );
  process.exitCode = faults.length === 0 ? 0 : 1;
}

function rowOf(name: string, all: readonly Heard[]): string {
  if (all.length === 0) return `| ${name} | 0 |  |  |  |  |  |  |  |  |`;
  const { p50, p95, max } = spreadOf(all.flatMap(({ delaysMs }) => delaysMs));
  const least = Math.min(...all.map(({ text }) => tokensIn(text)));
  const most = Math.max(...all.map(({ text }) => tokensIn(text)));
  const each = least === most ? `${least}` : `${least} to ${most}`;
  const lost = all.reduce((sum, { text }) => sum + tokens - tokensIn(text), 0);
  const pieces = all.reduce((sum, one) => sum + one.pieces, 0) / all.length;
  const cuts = all.reduce((sum, one) => sum + one.cuts, 0);
  const cells = [
    name,
    all.length,
    tokens,
    each,
    lost,
    pieces.toFixed(0),
    cuts,
    ...[p50, p95, max].map(figure),
  ];
  return `| ${cells.join(" | ")} |`;
}

function shares({ cpu }: Usage, of: (label: string) => number, digits: number): string {
  return Object.keys(cpu)
    .map((label) => `${label} ${of(label).toFixed(digits)}`)
    .join(", ");
}

function faultsOf(all: readonly Heard[]): string[] {
  const wrong = all.flatMap(({ run, text, gaps }) => {
    if (gaps > 0) return [`${run}: ${gaps} pieces did not join on`];
    return text === said ? [] : [`${run}: ${tokensIn(text)} of ${tokens} tokens, or other ones`];
  });
  const open = runs.flatMap((run, n) => (statuses[n] === "completed" ? [] : [`${run}: ${statuses[n]}`]));
  return [...wrong, ...open];
}
