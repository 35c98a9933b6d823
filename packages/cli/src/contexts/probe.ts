/** Who answers at a context's address, how quickly, and whether the token opens it. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Context } from "../config/contexts.ts";
import { refuseOpenToken } from "../config/installation.ts";
import { needsDoor, openContextDoor } from "./door.ts";

export interface Probed {
  readonly ok: boolean;
  readonly installation?: string;
  readonly version?: string;
  readonly tenant?: string;
  readonly workers?: number;
  readonly ms?: number;
  readonly error?: AgentFlowError;
}

/** Never throws: what goes wrong is the answer. */
export async function probeContext(context: Context, token: () => string | undefined): Promise<Probed> {
  if (context.fault !== undefined) return { ok: false, error: context.fault };
  try {
    if (!needsDoor(context)) return await probeAddress({ urls: context.urls, token: token() });
    const door = await openContextDoor(context);
    try {
      return await probeAddress({ urls: [door.url], token: door.token ?? token() });
    } finally {
      await door.close();
    }
  } catch (error) {
    return { ok: false, error: AgentFlowError.from(error, "looking at the installation") };
  }
}

/** Of the first that answers. Throws what an address makes impossible, such as a token over plain http. */
export async function probeAddress(of: {
  readonly urls: readonly string[];
  readonly token: string | undefined;
}): Promise<Probed> {
  const { urls, token } = of;
  const known = token === undefined ? {} : { token };
  for (const url of urls) refuseOpenToken({ url, ...known });
  const { createClient } = await import("@agentflow/sdk/client");
  const client = createClient({ url: urls, retryForMs: 0, ...known });
  const fromMs = performance.now();
  try {
    const { installation, version, tenant, workers } = await client.status();
    const ms = Math.round(performance.now() - fromMs);
    return { ok: true, installation, version, workers, ms, ...(tenant === undefined ? {} : { tenant }) };
  } catch (error) {
    return { ok: false, error: AgentFlowError.from(error, "looking at the installation") };
  } finally {
    client.close();
  }
}
