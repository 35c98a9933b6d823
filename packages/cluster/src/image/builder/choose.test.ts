/** The builder that is taken when nobody names one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openEngine } from "../../docker/engine/index.ts";
import { chooseBuilder } from "./choose.ts";

const home = mkdtempSync(join(tmpdir(), "agentflow-choose-"));
// A client that has buildx, whatever it is asked.
writeFileSync(join(home, "docker"), "#!/bin/sh\necho github.com/docker/buildx v0.20.0\n", { mode: 0o755 });
afterAll(() => rmSync(home, { recursive: true }));

test.each([
  ["Engine", "buildx"],
  // buildx would pull a builder of Docker's from a registry first, and fail where there is none.
  ["Podman Engine", "classic"],
])("of %s it is %s", async (component, builder) => {
  const about = { Version: "4.3.1", ApiVersion: "1.41", Os: "linux", Arch: "amd64" };
  const answer = JSON.stringify({ ...about, Components: [{ Name: component, Version: "4.3.1" }] });
  const server = createServer((_, response) => response.end(answer));
  const socket = join(home, `${builder}.sock`);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const engine = await openEngine({ host: `unix://${socket}`, verify: true, from: "the test" });
  try {
    const environment = { PATH: `${home}${delimiter}${process.env["PATH"] ?? ""}` };
    const chosen = await chooseBuilder(engine, { environment, home, named: undefined });
    expect(chosen.name).toBe(builder);
  } finally {
    engine.close();
    server.closeAllConnections();
    server.close();
  }
});
