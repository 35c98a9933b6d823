/** The token that opens the API, as the installation made it for itself. */
import { posix } from "node:path";
import { AgentFlowError } from "@agentflow/protocol";
import { paths } from "../model/paths.ts";
import { readFolder } from "./carrier.ts";
import type { Engine } from "./engine/open.ts";
import type { Observed } from "./observe.ts";

/** Read from the first control plane's container through the engine; it need not run. */
export async function readToken(engine: Engine, { containers }: Observed): Promise<string> {
  const first = containers.find(({ part }) => part === "control-plane");
  const files = first === undefined ? undefined : await readFolder(engine, first.id, paths.keys);
  const token = files?.get("token")?.trim() ?? "";
  if (token !== "") return token;
  const place = posix.join(paths.keys, "token");
  throw new AgentFlowError("unavailable", `${first?.name ?? "the control plane"} has no token in ${place}`, {
    reason: "no_token",
    suggestions: ["make its keys again: af restart keys", "af up --recreate"],
  });
}
