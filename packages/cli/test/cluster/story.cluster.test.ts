/**
 * The story of a project in a cluster, told by `af` itself: the first deploy, the same again, new code with
 * fifty runs in flight, back and forth, and what goes wrong. It knows nothing of which cluster it is.
 */
import { liveMissing } from "@agentflow/cluster/test-kubernetes";
import { describe, vi } from "vitest";
import { tellCore } from "./core.ts";
import { toldHere } from "./steps.ts";
import { tellTrouble } from "./trouble.ts";

// For slow machines whose nodes load images; what hangs is ended by limits of its own.
vi.setConfig({ testTimeout: 3_600_000, hookTimeout: 1_800_000 });

const missing = await liveMissing();

describe.skipIf(missing !== undefined)(`a project in a cluster ${missing ?? ""}`, () => {
  const told = toldHere();
  tellCore(told);
  tellTrouble(told);
});
