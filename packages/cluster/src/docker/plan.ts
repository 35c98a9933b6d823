/** What has to change for the engine to carry what is wanted. Pure. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Objects, WantedContainer, WantedVolume } from "./objects.ts";
import { labels } from "../model/names.ts";
import type { Observed, ObservedContainer } from "./observe.ts";

export type Change =
  | { readonly kind: "create_network"; readonly name: string }
  /** One of the same name that another `up` made at the same time. */
  | { readonly kind: "remove_network"; readonly name: string; readonly id: string }
  | { readonly kind: "create_volume"; readonly volume: WantedVolume }
  | { readonly kind: "create"; readonly wanted: WantedContainer }
  | {
      readonly kind: "replace";
      readonly wanted: WantedContainer;
      readonly old: ObservedContainer;
      readonly why: Why;
    }
  /** It is as wanted, but does not run. */
  | { readonly kind: "start"; readonly wanted: WantedContainer; readonly old: ObservedContainer }
  | { readonly kind: "keep"; readonly wanted: WantedContainer; readonly old: ObservedContainer }
  | { readonly kind: "remove"; readonly old: ObservedContainer };

/** `asked`: by a person, as `--recreate` does. */
export type Why = "image" | "configuration" | "network" | "asked" | "failed before";

export interface Plan {
  /** Of the network, the volumes, then the containers that are no longer wanted. */
  readonly before: readonly Change[];
  /** Parts in the order in which they start; those of one rank start side by side. */
  readonly ranks: readonly (readonly PartChanges[])[];
}

export interface PartChanges {
  readonly part: string;
  /** By copy. */
  readonly changes: readonly ContainerChange[];
}

export type ContainerChange = Extract<Change, { readonly wanted: WantedContainer }>;

export interface PlanOptions {
  /** Id of each wanted image as the engine has it now, by its reference. */
  readonly images?: ReadonlyMap<string, string>;
  /** Parts, or all, whose containers are made anew even when nothing changed. */
  readonly recreate?: ReadonlySet<string> | "all";
  /** Parts that may be changed: containers of all others stay as they are. All when left out. */
  readonly only?: ReadonlySet<string>;
}

/**
 * Containers whose image or configuration differs are replaced, stopped ones started, unknown ones removed,
 * all others kept. A part that runs once runs again when it changed, or did not end well.
 */
export function planChanges(desired: Objects, observed: Observed, options: PlanOptions = {}): Plan {
  refuseNewNumberOfNats(desired, observed);
  const known = new Map(observed.containers.map((container) => [container.name, container]));
  const wanted = new Set(desired.containers.map(({ name }) => name));
  const volumes = new Set(observed.volumes.map(({ name }) => name));
  const cutOff = cutOffFrom(desired, observed);
  const changes = desired.containers.map((one): ContainerChange => {
    const change = changeOf(one, known.get(one.name), options);
    return cutOff(change) && may(options, one.part) ? { ...change, kind: "replace", why: "network" } : change;
  });
  return {
    before: [
      ...networkChanges(desired, observed),
      ...desired.volumes
        .filter(({ name }) => !volumes.has(name))
        .map((volume) => ({ kind: "create_volume" as const, volume })),
      ...observed.containers
        .filter(({ name, part }) => !wanted.has(name) && may(options, part))
        .map((old) => ({ kind: "remove" as const, old })),
    ],
    ranks: ranksOf(changes),
  };
}

/** Who was taken off the network, or was on one that is gone, finds the others only when it is made anew. */
function cutOffFrom({ network: { name } }: Objects, { networks }: Observed) {
  return (change: ContainerChange): change is Kept => {
    if (change.kind !== "keep" && change.kind !== "start") return false;
    const { wanted, old } = change;
    if (wanted.runs === "once" || wanted.options.HostConfig?.NetworkMode !== name) return false;
    const id = old.networks.get(name);
    // Podman says the name for the id.
    return id === undefined || !["", name, ...networks].includes(id);
  };
}

type Kept = Extract<Change, { readonly kind: "keep" | "start" }>;

function networkChanges({ network: { name } }: Objects, { networks }: Observed): Change[] {
  if (networks.length === 0) return [{ kind: "create_network", name }];
  return networks.slice(1).map((id) => ({ kind: "remove_network", name, id }));
}

/** Whatever is not kept as it is. */
export function pendingChanges(plan: Plan): readonly Change[] {
  const containers = plan.ranks.flat().flatMap(({ changes }) => changes);
  return [...plan.before, ...containers.filter(({ kind }) => kind !== "keep")];
}

function changeOf(
  wanted: WantedContainer,
  old: ObservedContainer | undefined,
  options: PlanOptions,
): ContainerChange {
  const { images, recreate } = options;
  if (old === undefined) return { kind: "create", wanted };
  if (!may(options, wanted.part)) return { kind: "keep", wanted, old };
  const image = images?.get(wanted.image);
  if (old.config !== wanted.config) {
    return { kind: "replace", wanted, old, why: old.image === wanted.image ? "configuration" : "image" };
  }
  if (image !== undefined && image !== old.imageId) return { kind: "replace", wanted, old, why: "image" };
  const asked = recreate === "all" || recreate?.has(wanted.part) === true;
  if (asked) return { kind: "replace", wanted, old, why: "asked" };
  return wanted.runs === "once" ? onceChange(wanted, old) : alwaysChange(wanted, old);
}

function may({ only }: PlanOptions, part: string): boolean {
  return only?.has(part) ?? true;
}

function onceChange(wanted: WantedContainer, old: ObservedContainer): ContainerChange {
  if (old.state === "running") return { kind: "keep", wanted, old };
  if (old.state === "created" && old.error === "") return { kind: "start", wanted, old };
  if (old.state === "exited" && old.exitCode === 0) return { kind: "keep", wanted, old };
  return { kind: "replace", wanted, old, why: "failed before" };
}

function alwaysChange(wanted: WantedContainer, old: ObservedContainer): ContainerChange {
  if (old.state === "running" || old.state === "restarting") return { kind: "keep", wanted, old };
  if (old.state === "dead" || old.state === "removing") {
    return { kind: "replace", wanted, old, why: "failed before" };
  }
  return { kind: "start", wanted, old };
}

/** Streams live on the servers they were made on: fewer or more of them is not a matter of containers. */
function refuseNewNumberOfNats(desired: Objects, { volumes }: Observed): void {
  const wanted = desired.volumes.filter(({ holds }) => holds === "data");
  const isServers = ({ labels: own }: WantedVolume): boolean => own[labels.copies] !== undefined;
  const wants = wanted.filter(isServers).length;
  // What all workers share holds data too, and lies on no server.
  const shared = new Set(wanted.filter((one) => !isServers(one)).map(({ name }) => name));
  const all = volumes.filter(({ holds, name }) => holds === "data" && !shared.has(name));
  const labelled = all.some(({ copies }) => copies > 0);
  const data = labelled ? all.filter(({ copies }) => copies > 0) : all;
  // The label tells what an interrupted `up` was about to make; without it only what is there can be counted.
  const has = Math.max(data.length, ...data.map(({ copies }) => copies));
  if (data.length === 0 || wants === 0 || has === wants || (!labelled && has < wants)) return;
  const servers = has === 1 ? "1 NATS server" : `${has} NATS servers`;
  throw new AgentFlowError(
    "refused",
    `the data lies on ${servers}, target ${desired.target} wants ${wants}`,
    {
      reason: "nats_replicas_changed",
      details: { has, wants },
      suggestions: [
        `set nats.replicas of target ${desired.target} back to ${has}`,
        "or move the data: " +
          `af backup FILE, af down --volumes, af up, af restore FILE --target ${desired.target}`,
      ],
    },
  );
}

/** A part's rank is one more than the highest of the parts it comes after. */
function ranksOf(changes: readonly ContainerChange[]): PartChanges[][] {
  const parts = Map.groupBy<string, ContainerChange>(changes, ({ wanted }) => wanted.part);
  const ranks = new Map<string, number>();
  const rank = (part: string, seen: readonly string[]): number => {
    const done = ranks.get(part);
    if (done !== undefined) return done;
    const after = changes.find(({ wanted }) => wanted.part === part)?.wanted.after ?? [];
    const before = after.filter((name) => parts.has(name) && !seen.includes(name));
    const own = before.length === 0 ? 0 : 1 + Math.max(...before.map((name) => rank(name, [...seen, part])));
    ranks.set(part, own);
    return own;
  };
  const byRank: PartChanges[][] = [];
  for (const [part, own] of parts) (byRank[rank(part, [])] ??= []).push({ part, changes: own });
  return byRank;
}
