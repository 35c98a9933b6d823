/** What is promised of an engine holds on a log of several lanes too: the same cases, lived again on one. */
import { describe } from "vitest";
import { keepLogInLanes } from "./orchestrator/fixtures/engine-kit.ts";

keepLogInLanes(3);

const cases = {
  engine: () => import("./orchestrator/engine.test.ts"),
  leases: () => import("./orchestrator/shards/leases.test.ts"),
  zombie: () => import("./orchestrator/shards/zombie.test.ts"),
  "read path": () => import("./projector/read-path.test.ts"),
  "follow all": () => import("./projector/follow-all.test.ts"),
  archive: () => import("./projector/archive.test.ts"),
  dispatch: () => import("./dispatcher/dispatch.test.ts"),
  resends: () => import("./dispatcher/resends.test.ts"),
  backup: () => import("./backup/backup.test.ts"),
} as const;

for (const [name, load] of Object.entries(cases)) {
  describe(`3 lanes: ${name}`, async () => {
    await load();
  });
}
