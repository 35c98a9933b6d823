/**
 * The core of the story, as CI has it: see story.cluster.test.ts.
 */
import { liveMissing } from "@agentflow/cluster/test-kubernetes";
import { describe, vi } from "vitest";
import { tellCore } from "./core.ts";
import { toldHere } from "./steps.ts";

// For slow machines whose nodes load images; what hangs is ended by limits of its own.
vi.setConfig({ testTimeout: 3_600_000, hookTimeout: 1_800_000 });

const missing = await liveMissing();

describe.skipIf(missing !== undefined)(`a project in a cluster ${missing ?? ""}`, () => {
  const told = toldHere();
  tellCore(told);
});
