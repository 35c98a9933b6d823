/** Where what containers print is read: from their engine, or from the cluster that runs their pods. */
import type { ContainerLine, FollowingLines, ReadingLines } from "@agentflow/cluster";
import type { ContainerPlace } from "./containers.ts";

export interface LineSource {
  read(reading: ReadingLines): Promise<ContainerLine[]>;
  /** Until its signal aborts. */
  follow(following: FollowingLines): Promise<void>;
  close(): void;
}

/** Refuses when engine or cluster does not answer. Whoever opens it closes it. */
export async function openLines(place: ContainerPlace): Promise<LineSource> {
  return place.kind === "docker" ? onEngine(place) : inCluster(place);
}

async function onEngine(of: Extract<ContainerPlace, { readonly kind: "docker" }>): Promise<LineSource> {
  const [{ followContainerLines, readContainerLines }, { openEngine }] = await Promise.all([
    import("@agentflow/cluster"),
    import("@agentflow/cluster/engine"),
  ]);
  const engine = await openEngine(of.engine);
  return {
    read: (reading) => readContainerLines(engine, of, reading),
    follow: (following) => followContainerLines(engine, of, following),
    close: () => engine.close(),
  };
}

async function inCluster(of: Extract<ContainerPlace, { readonly kind: "kubernetes" }>): Promise<LineSource> {
  const { followPodLines, openPlace, readPodLines } = await import("@agentflow/cluster/inside-cluster");
  const place = await openPlace(of.cluster, process.env);
  return {
    read: (reading) => readPodLines(place.cluster, place, reading),
    follow: (following) => followPodLines(place.cluster, place, following),
    close: () => place.cluster.close(),
  };
}
