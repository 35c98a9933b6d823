/** A nats-server and plain services on it, for one test file: after each test all of them are ended. */
import { type NatsServer, type NatsServerOptions, startNatsServer } from "@agentflow/bus/servers";
import { type Client, createClient } from "@agentflow/sdk/client";
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, expect } from "vitest";
import { runAf } from "../run-af.ts";
import type { Scratch } from "./scratch.ts";
import { Service } from "./service-process.ts";

export interface OpenedServices {
  nats(options?: NatsServerOptions): Promise<NatsServer>;
  /** `name` is its folder too. */
  server(scratch: Scratch, bus: string, name?: string, port?: number): Service;
  worker(scratch: Scratch, bus: string, ...more: string[]): Service;
  service(words: readonly string[], cwd: string, environment?: { readonly [name: string]: string }): Service;
  /** Once it is ready. Asks for so long where the answer may pass (30 s when left out). */
  client(scratch: Scratch, of: Service, retryForMs?: number): Promise<Client>;
}

export function openedServices(): OpenedServices {
  const open: { end(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0).toReversed()) await one.end();
  });
  const service: OpenedServices["service"] = (words, cwd, environment) => {
    const started = new Service(words, cwd, environment);
    open.push(started);
    return started;
  };
  return {
    service,
    async nats(options) {
      const server = await startNatsServer(options);
      open.push({ end: () => server.close() });
      return server;
    },
    server: (scratch, bus, name = "server", port = 0) =>
      service(["server", "--bus", bus, "--state", name, "--node", name, "--port", String(port)], scratch.dir),
    worker: (scratch, bus, ...more) => service(["worker", "--bus", bus, ...more], scratch.dir),
    async client(scratch, of, retryForMs) {
      const { url, token } = await addressOf(scratch, of);
      const client = createClient({ url, token, ...(retryForMs === undefined ? {} : { retryForMs }) });
      open.push({ end: async () => client.close() });
      return client;
    },
  };
}

/** Where a server answers, once it is ready, and the token that it made. */
export async function addressOf(scratch: Scratch, of: Service): Promise<{ url: string; token: string }> {
  const { url, state } = await of.said("ready");
  const token = readFileSync(path.join(scratch.dir, String(state), "token"), "utf8").trim();
  return { url: String(url), token };
}

/** `af WORDS` against that server. */
export async function afAt(scratch: Scratch, of: Service, words: readonly string[]) {
  const { url, token } = await addressOf(scratch, of);
  return runAf([...words], { cwd: scratch.dir, environment: { AF_TOKEN: token, AF_URL: url } });
}

/** The workflow of `oneTool`, once a worker has told of its tool. */
export async function register(scratch: Scratch, of: Service): Promise<void> {
  const { url, token } = await addressOf(scratch, of);
  const ran = await runAf(["workflow", "register", "--url", url], {
    cwd: scratch.dir,
    environment: { AF_TOKEN: token },
  });
  expect({ code: ran.code, stdout: ran.stdout }).toMatchObject({ code: 0, stdout: /✓ one/ });
}
