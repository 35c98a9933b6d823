/** The port that the API listens on, and whose it is when somebody else has it. */
import { AgentFlowError } from "@agentflow/protocol";

export const defaultPort = 4180;

/** A port in use is somebody's: it helps to know whose. */
export async function withHolder(error: unknown, port: number): Promise<unknown> {
  if (!AgentFlowError.is(error) || error.reason !== "port_in_use") return error;
  const { holderOfPort } = await import("../doctor/ports.ts");
  const holder = holderOfPort(port);
  if (holder === undefined) return error;
  const { pid, command } = holder;
  return new AgentFlowError("conflict", `${error.message}: process ${pid} (${command}) has it`, {
    reason: error.reason,
    details: { ...error.details, pid, command },
    suggestions: ["choose another with --port", `end it: kill ${pid}`],
    cause: error,
  });
}

/** The usual port when nobody has it, else 0: any. */
export async function freePort(host: string): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(0));
    server.listen(defaultPort, host, () => server.close(() => resolve(defaultPort)));
  });
}
