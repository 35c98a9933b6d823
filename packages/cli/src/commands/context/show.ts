import { AgentFlowCommand } from "../../base-command.ts";
import { isClusterName, nameOfCluster } from "../../config/cluster-name.ts";
import { chooseContext } from "../../config/choose-context.ts";
import { contextPlaces } from "../../config/context-places.ts";
import { type Context, findContext, tokenOf, tokenPlace } from "../../config/contexts.ts";
import type { Probed } from "../../contexts/probe.ts";
import { Args, Flags } from "../../flags.ts";
import { printRecord } from "../../output/table.ts";
import { bold, dim, green, red, type Text, yellow } from "../../output/text.ts";

export default class ContextShow extends AgentFlowCommand {
  static override summary = "Show one context: where it leads, who said so, where its token lies";
  static override args = {
    context: Args.string({ ignoreStdin: true, description: "its name; the one in use when left out" }),
  };
  static override flags = {
    check: Flags.boolean({ description: "ask it: version, and how quickly it answers" }),
  };
  static override examples = [
    "af context show",
    "af context show prod --check",
    "af context show prod --json",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContextShow);
    const places = contextPlaces({ folder: this.folder(flags), environment: process.env });
    const choice = chooseContext(places, { environment: process.env });
    if (args.context === undefined && choice.kind === "url") {
      this.output.data({ url: choice.url, by: choice.by, place: choice.place });
      printRecord(this.output, [
        ["url", choice.url],
        ["in use", `by ${choice.place}, which is stronger than any context`],
      ]);
      return;
    }
    const name = args.context ?? (choice.kind === "context" ? choice.name : "dev");
    const context = findContext(places, name);
    const inUse = choice.kind === "context" && choice.name === name;
    const tokenHere = (): string | undefined => tokenOf(places, context);
    const probed = await this.#probed(flags.check && context.state !== "not-up", () => {
      return import("../../contexts/probe.ts").then(({ probeContext }) => probeContext(context, tokenHere));
    });
    const place = tokenPlace(places, context);
    const { engine, token, fault: _, ...rest } = context;
    const at = context.cluster;
    const shownEngine = engine === undefined ? {} : { engine: engine.host };
    const check = probed === undefined ? {} : { check: checkAsData(probed) };
    const each = probed === undefined ? [] : await eachAddress(context, tokenHere);
    const checks =
      each.length === 0 ? {} : { checks: each.map(({ url, ...one }) => ({ url, ...checkAsData(one) })) };
    const by = inUse ? { by: choice.by, place: choice.place } : {};
    this.output.data({
      ...rest,
      ...shownEngine,
      token,
      tokenPlace: place,
      inUse,
      ...by,
      ...check,
      ...checks,
    });
    if (this.output.json) return;
    printRecord(this.output, [
      ["name", bold(name)],
      ["kind", context.kind],
      ...addressRows(context),
      ["project", context.project ?? context.folder],
      ["target", context.target],
      ["engine", engine === undefined ? undefined : [engine.host, dim(`  ${engine.from}`)]],
      ["cluster", at === undefined ? undefined : [nameOfCluster(at), dim(`  ${at.server ?? ""}`)]],
      ["token", place],
      ["from", isClusterName(name) ? "its name" : context.file],
      [
        "in use",
        inUse ? green(choice.by === "default" ? "yes, by default" : `yes, by ${choice.place}`) : "no",
      ],
      ...(each.length === 0
        ? [["answer", probed === undefined ? undefined : answerOf(probed)] as const]
        : each.map((one) => ["answer", one.ok ? [`${one.url}: `, answerOf(one)] : answerOf(one)] as const)),
    ]);
  }

  async #probed(wanted: boolean, probe: () => Promise<Probed>): Promise<Probed | undefined> {
    return wanted ? probe() : undefined;
  }
}

/** One a row: which of them is gone is the question then. */
function addressRows({ urls, state, cluster }: Context): (readonly [string, Text])[] {
  const through = cluster === undefined ? "through its engine" : "by a port forwarded into its cluster";
  if (urls.length === 0) return [["address", dim(state === "not-up" ? "not up" : through)]];
  return urls.map((url, n) => [n === 0 ? "address" : "", url] as const);
}

/** Each for itself where there are several that can be asked from here. */
async function eachAddress(
  context: Context,
  token: () => string | undefined,
): Promise<(Probed & { readonly url: string })[]> {
  const [{ probeContext }, { needsDoor }] = await Promise.all([
    import("../../contexts/probe.ts"),
    import("../../contexts/door.ts"),
  ]);
  const { urls } = context;
  if (urls.length < 2 || needsDoor(context)) return [];
  return Promise.all(
    urls.map(async (url) => ({ url, ...(await probeContext({ ...context, url, urls: [url] }, token)) })),
  );
}

function checkAsData({ error, ...rest }: Probed): object {
  return error === undefined ? rest : { ...rest, code: error.code, problem: error.message };
}

function answerOf({ ok, installation, version, workers, ms, error }: Probed): Text {
  if (!ok) return red(error?.message ?? "no answer");
  const facts = `${installation ?? ""}, af ${version ?? ""}, ${ms ?? 0}ms, `;
  return [
    facts,
    workers === 0 ? yellow("no workers") : workers === 1 ? "1 worker" : `${workers ?? 0} workers`,
  ];
}
