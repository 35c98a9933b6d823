/** The bus, when there is one on the network: looked at directly, or as far as the installation says it. */
import { AgentFlowError } from "@agentflow/protocol";
import { findInstallation } from "../config/installation.ts";
import type { Check, Examined } from "./check.ts";

/** Settings that name a bus are enough; else the installation that commands go to is asked. */
export async function busFindings(of: Examined): Promise<Check[]> {
  const { busLook } = await import("../local/examine-bus.ts");
  const dir = of.project ?? of.folder;
  const base = { flags: {}, flagNames: {}, config: undefined, dir, version: "" };
  const look = await busLook(base).catch(() => undefined);
  if (look?.isNamed !== true) return fromApi(of);
  try {
    const { checks } = await look.examine();
    return [...checks];
  } catch (error) {
    const { message, code, suggestions } = AgentFlowError.from(error, "looking at the bus");
    const fix =
      suggestions[0] ??
      (code === "forbidden"
        ? "look as the control plane: af bus doctor --nkey FILE --inbox PREFIX"
        : undefined);
    return [{ name: "bus", state: "bad", fact: message, ...(fix === undefined ? {} : { fix }) }];
  }
}

/** What a key with the scope operator is told of the bus of the installation that commands go to. */
async function fromApi({ folder, environment }: Examined): Promise<Check[]> {
  const url = environment["AF_URL"];
  if (url === undefined || url === "") return [];
  const { token } = findInstallation({ folder, environment });
  const { createClient } = await import("@agentflow/sdk/client");
  const client = createClient({ url, retryForMs: 1_000, ...(token === undefined ? {} : { token }) });
  try {
    const { bus, deadLetters, tenant } = await client.status();
    if (bus.kind !== "nats") return [];
    const whose = tenant === undefined ? "" : ` of ${tenant}`;
    const letters = `${deadLetters} dead letters${whose}`;
    return [
      {
        name: "bus",
        state: deadLetters > 0 ? "note" : "good",
        fact: `NATS: ${bus.durability}; ${letters}`,
        fix: "more of it: af bus doctor --bus URL --nkey FILE --inbox _AF.control-plane",
      },
    ];
  } catch (error) {
    const { message, suggestions } = AgentFlowError.from(error, "asking the installation");
    const [fix] = suggestions;
    return [{ name: "bus", state: "bad", fact: message, ...(fix === undefined ? {} : { fix }) }];
  } finally {
    client.close();
  }
}
