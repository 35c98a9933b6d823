import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { openMasks } from "./masks.ts";

test("a project's secrets are hidden from wherever in it one looks", async () => {
  const project = mkdtempSync(path.join(tmpdir(), "af-masks-"));
  try {
    writeFileSync(path.join(project, "agentflow.yaml"), "apiVersion: agentflow.dev/v1\nname: p\n");
    writeFileSync(path.join(project, ".env"), "MODEL_KEY=canary-5f0c1e77d2\n", { mode: 0o600 });
    const below = path.join(project, "tools/deep");
    mkdirSync(below, { recursive: true });
    for (const folder of [project, below]) {
      const redact = await openMasks(folder);
      expect(redact("key canary-5f0c1e77d2 was used")).not.toContain("canary");
    }
  } finally {
    rmSync(project, { recursive: true });
  }
});
