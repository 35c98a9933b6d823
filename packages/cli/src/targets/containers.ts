/** The containers of a context, as `af status` shows them. */
import type { ObservedContainer } from "@agentflow/cluster/docker";
import type { Context } from "../config/contexts.ts";
import type { Output } from "../output/output.ts";
import { heading, printTable } from "../output/table.ts";
import { type Text, dim, green, red, yellow } from "../output/text.ts";
import { ago } from "../output/when.ts";

/** As it stands in `--json`. */
export interface ContainerView {
  readonly container: string;
  readonly id: string;
  readonly part: string;
  readonly copy: number;
  readonly image: string;
  readonly state: ObservedContainer["state"];
  readonly health: ObservedContainer["health"];
  readonly exitCode: number | null;
  readonly restarts: number;
  /** When it was started; for those that have ended, when they did. */
  readonly since: string | null;
  readonly memoryBytes: number | null;
  readonly memoryLimitBytes: number | null;
}

/** Nothing for contexts that no engine of ours carries. Refuses when the engine does not answer. */
export async function contextContainers({
  kind,
  engine: address,
  project,
  target,
}: Context): Promise<readonly ContainerView[] | undefined> {
  if (kind !== "docker" || address === undefined || project === undefined || target === undefined)
    return undefined;
  const [{ openEngine }, { useOf, observe }, { partContainers }] = await Promise.all([
    import("@agentflow/cluster/engine"),
    import("@agentflow/cluster/docker"),
    import("./installed.ts"),
  ]);
  const engine = await openEngine(address);
  try {
    const observed = await observe(engine, { project, target });
    return await Promise.all(
      partContainers(observed).map(async (one): Promise<ContainerView> => {
        const use = one.state === "running" ? await useOf(engine, one.id) : undefined;
        return {
          ...viewOf(one),
          memoryBytes: use?.memoryBytes ?? null,
          memoryLimitBytes: use?.memoryLimitBytes ?? null,
        };
      }),
    );
  } finally {
    engine.close();
  }
}

function viewOf(one: ObservedContainer): Omit<ContainerView, "memoryBytes" | "memoryLimitBytes"> {
  const { name, id, part, copy, image, state, health, restarts, exitCode, startedAt, finishedAt } = one;
  const hasEnded = state === "exited" || state === "dead";
  const since = hasEnded ? finishedAt : startedAt;
  return {
    container: name,
    id: id.slice(0, 12),
    part,
    copy,
    image,
    state,
    health,
    restarts,
    exitCode: hasEnded ? exitCode : null,
    since: since === "" ? null : since,
  };
}

export function printContainers(output: Output, containers: readonly ContainerView[]): void {
  heading(output, "Containers");
  const now = Date.now();
  printTable(
    output,
    [
      { title: "PART", of: ({ part }) => part },
      { title: "COPY", of: ({ copy }) => String(copy), side: "right" },
      { title: "STATE", of: stateText },
      {
        title: "RESTARTS",
        of: ({ restarts }) => (restarts === 0 ? "0" : yellow(String(restarts))),
        side: "right",
      },
      { title: "FOR", of: ({ since }) => (since === null ? dim("–") : ago(since, now).replace(/ ago$/, "")) },
      { title: "MEMORY", of: memoryText, side: "right", optional: true },
      { title: "IMAGE", of: ({ image }) => image, flexible: true, optional: true },
    ],
    containers,
  );
}

function stateText({ part, state, health, exitCode }: ContainerView): Text {
  const runsOnce = part === "keys" || part === "register";
  if (state === "exited") return runsOnce && exitCode === 0 ? dim("done") : red(`ended with ${exitCode}`);
  if (state !== "running") return yellow(state);
  if (health === "unhealthy") return red(health);
  return health === "none" ? "running" : health === "healthy" ? green(health) : yellow(health);
}

function memoryText({ memoryBytes, memoryLimitBytes }: ContainerView): Text {
  if (memoryBytes === null) return dim("–");
  const mib = (bytes: number): string => String(Math.round(bytes / 1024 / 1024));
  return memoryLimitBytes === null
    ? `${mib(memoryBytes)} MiB`
    : `${mib(memoryBytes)}/${mib(memoryLimitBytes)} MiB`;
}
