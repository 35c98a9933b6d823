/** How the story is told: steps in their order, skipped where the first deploy did not go well. */
import { afterAll, beforeAll, test } from "vitest";
import { beginStory, type Story } from "./story.ts";

export interface Told {
  readonly story: Story;
  /** Those whose tools answer with A and B. */
  readonly builds: { a: string; b: string };
  isDeployed: boolean;
}

/** Begun before the tests of this file, and gone after them, however they end. */
export function toldHere(): Told {
  let begun: Story | undefined;
  beforeAll(async () => {
    begun = await beginStory();
    begun.project.code("A");
    await settings(begun, ["default"]);
  });
  afterAll(async () => begun?.close());
  return {
    get story() {
      if (begun === undefined) throw new Error("the story has not begun");
      return begun;
    },
    builds: { a: "", b: "" },
    isDeployed: false,
  };
}

type Step = (name: string, tell: () => Promise<void>) => void;

export function stepsOf(told: Told): {
  /** Needs no deploy. */
  readonly plain: Step;
  readonly first: Step;
  readonly step: Step;
} {
  return {
    plain: (name, tell) => test(name, tell),
    first: (name, tell) =>
      test(name, async () => {
        await tell();
        told.isDeployed = true;
      }),
    step: (name, tell) =>
      test(name, async (context) => {
        context.skip(!told.isDeployed, "the first deploy did not go well");
        await tell();
      }),
  };
}

/** Small, since a cluster may be: three targets, of which the others never come to run anything. */
export async function settings({ live, project, namespace }: Story, pools: readonly string[]): Promise<void> {
  const workers = mapOf(pools.map((pool) => [pool, 1]));
  const memory = { nats: 512, "control-plane": 384, ...mapOf(pools.map((pool) => [`worker-${pool}`, 512])) };
  const limits = mapOf(Object.entries(memory).map(([part, memoryMb]) => [part, { memoryMb, cpus: 0.6 }]));
  const common = {
    ...live.target,
    storage: await live.storage(),
    limits,
    workers,
  };
  const nodeSelector = { "agentflow.dev/test": "nowhere" };
  project.settings({
    pools,
    targets: {
      prod: { ...common, namespace },
      elsewhere: { ...common, namespace: live.namespace("elsewhere") },
      nowhere: { ...common, namespace: live.namespace("nowhere"), nodeSelector },
    },
  });
}

function mapOf<T>(entries: readonly (readonly [string, T])[]): Readonly<Record<string, T>> {
  return Object.fromEntries(entries);
}

export function buildIn(stdout: string): string {
  return /build ([0-9a-f]{12})/.exec(stdout)?.[1] ?? "";
}
