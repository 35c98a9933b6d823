/** What the keeper of the tests' own engine does before it ends it, with a small program for the engine. */
import { createServer } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { sweep } from "./engine/sweep.ts";

const folder = mkdtempSync(join(tmpdir(), "agentflow-sweep-"));
const socket = join(folder, "docker.sock");
const asked: string[] = [];
const engine = createServer((request, response) => {
  asked.push(`${request.method} ${decodeURIComponent(request.url ?? "")}`);
  if (request.url === "/networks/prune") response.statusCode = 500;
  response.end(request.method === "GET" ? '[{"Id":"aa11","ImageID":"sha256:ff"},{"Id":"bb22"}]' : "{}");
});

afterEach(() => {
  engine.close();
  rmSync(folder, { recursive: true, force: true });
});

test("containers go whatever they do, then what was theirs; a refusal stops nothing", async () => {
  await new Promise<void>((resolve) => engine.listen(socket, resolve));
  await sweep(socket);
  expect(asked).toEqual([
    "GET /containers/json?all=1",
    "DELETE /containers/aa11?force=1&v=1",
    "DELETE /containers/bb22?force=1&v=1",
    "POST /networks/prune",
    "POST /volumes/prune",
    'POST /volumes/prune?filters={"all":["true"]}',
    'POST /images/prune?filters={"dangling":["false"],"until":["24h"]}',
    'POST /build/prune?filters={"until":["24h"]}',
  ]);
  // One that is gone has nothing to sweep.
  engine.close();
  await sweep(socket);
});
