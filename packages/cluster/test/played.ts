/** An engine that a small server plays: what cannot be had from a real one. */
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { type Engine, openEngine } from "../src/docker/engine/open.ts";

export interface Play {
  /** True: it was answered. Paths are without the version. */
  readonly answer: (path: string, response: ServerResponse, request: IncomingMessage) => boolean;
}

export interface Played {
  readonly engine: Engine;
  close(): Promise<void>;
}

const version = { Version: "27.1", ApiVersion: "1.46", Os: "linux", Arch: "amd64" };

export async function playedEngine({ answer }: Play): Promise<Played> {
  const pathOf = ({ url = "" }: IncomingMessage): string =>
    url.replace(/^\/v[\d.]+/, "").replace(/\?.*$/, "");
  const server = createServer((request, response) => {
    const path = pathOf(request);
    response.setHeader("content-type", "application/json");
    if (path === "/version") response.end(JSON.stringify(version));
    else if (!answer(path, response, request)) response.writeHead(404).end('{"message":"no such thing"}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  const host = `tcp://127.0.0.1:${address.port}`;
  const engine = await openEngine({ host, verify: true, from: "the test" });
  return {
    engine,
    async close() {
      engine.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
