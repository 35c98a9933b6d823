/** A restore into containers on an engine that fails, ends and starts what it should not, or too late. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { realPace } from "../src/docker/pace.ts";
import { restoreInto } from "../src/docker/restore.ts";
import { labels } from "../src/model/names.ts";
import { type Played, playedEngine } from "./played.ts";

const of = { project: "played", target: "box" };
const quiet = { container: () => undefined };
const folder = mkdtempSync(path.join(tmpdir(), "af-restore-"));
const file = path.join(folder, "a.zst");
let played: Played | undefined;
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => played?.close());

type State = "running" | "exited";
type Answer = (response: ServerResponse, request: IncomingMessage) => void;

interface House {
  /** How the containers stand, by name: a control plane and workers. */
  readonly states: Map<string, State>;
  /** Takes the place of the engine's own answer, by method and path. */
  readonly instead?: ReadonlyMap<string, Answer>;
  readonly exitCode?: number;
  readonly signal?: AbortSignal;
}

/** What was asked of the engine, but for looks. The container in which is restored is `one-off`. */
async function restored({ states, instead, exitCode = 0, signal }: House) {
  writeFileSync(file, "backup");
  const asked: string[] = [];
  played = await playedEngine({
    answer(at, response, request) {
      const [, , id = "", doing = ""] = at.split("/");
      const asks = `${doing === "" ? (request.method ?? "") : doing} ${id}`;
      if (request.method !== "GET") asked.push(asks);
      const own = instead?.get(asks);
      if (own !== undefined) own(response, request);
      else if (at === "/networks") response.end("[]");
      else if (at === "/volumes") response.end("{}");
      else if (at === "/containers/json")
        response.end(JSON.stringify([...states.keys()].map((Id) => ({ Id }))));
      else if (at === "/containers/create") response.writeHead(201).end('{"Id":"one-off"}');
      else if (doing === "json") response.end(JSON.stringify(container(id, states.get(id))));
      else if (doing === "wait") response.end(JSON.stringify({ StatusCode: exitCode }));
      else if (doing === "attach") response.end();
      else if (doing === "archive") request.resume().on("end", () => response.end());
      else {
        if (doing === "stop") states.set(id, "exited");
        if (doing === "restart") states.set(id, "running");
        response.writeHead(204).end();
      }
      return true;
    },
  });
  const restoring = restoreInto({
    engine: played.engine,
    of,
    file: { path: file, bytes: 6 },
    flags: [],
    said: () => undefined,
    progress: quiet,
    signal: signal ?? new AbortController().signal,
    timeoutMs: 10_000,
    pace: realPace,
  });
  const error = await restoring.then(
    () => "",
    (failed: unknown) => String(failed),
  );
  return { asked, error };
}

function container(name: string, status = "exited"): object {
  const part = name.replace(/-\d+$/, "");
  const own = { [labels.part]: part, [labels.copy]: "1" };
  return {
    Id: name,
    Name: `/${name}`,
    Image: "sha256:1",
    RestartCount: 0,
    Mounts: [],
    NetworkSettings: { Networks: {} },
    Config: { Image: "part", Labels: own, Env: ["AF_BUS__SERVERS=nats://a:4222"] },
    HostConfig: { RestartPolicy: { Name: "unless-stopped" } },
    State: { Status: status, ExitCode: 0, OOMKilled: false, StartedAt: "0001-", FinishedAt: "0001-" },
  };
}

test("what a restore that was cut off has left ended is started by the next one", async () => {
  const states = new Map<string, State>([
    ["control-plane-1", "exited"],
    ["worker-default-1", "exited"],
  ]);
  expect((await restored({ states })).error).toBe("");
  expect([...states.values()]).toEqual(["running", "running"]);
});

test("nothing is stopped behind its new start where another one could not be stopped", async () => {
  const states = new Map<string, State>([
    ["control-plane-1", "running"],
    ["worker-default-1", "running"],
  ]);
  const fails: Answer = (response) => void response.writeHead(500).end('{"message":"it hangs"}');
  let isLate = false;
  const late: Answer = (response) => {
    setTimeout(() => {
      isLate = true;
      states.set("worker-default-1", "exited");
      response.writeHead(204).end();
    }, 200);
  };
  const instead = new Map([
    ["stop control-plane-1", fails],
    ["stop worker-default-1", late],
  ]);
  const { error, asked } = await restored({ states, instead });
  expect(error).toContain("it hangs");
  await expect.poll(() => isLate).toBe(true);
  expect(asked).not.toContain("POST create");
  expect([...states.values()]).toEqual(["running", "running"]);
});

test("one that ended by itself meanwhile is as good as stopped", async () => {
  const states = new Map<string, State>([["control-plane-1", "running"]]);
  const instead = new Map<string, Answer>([
    ["stop control-plane-1", (response) => void response.writeHead(304).end()],
  ]);
  expect((await restored({ states, instead })).error).toBe("");
});

test("an interruption before the restore runs ends it, and why it failed is said", async () => {
  const stop = new AbortController();
  const states = new Map<string, State>([["control-plane-1", "running"]]);
  const instead = new Map<string, Answer>([
    [
      "attach one-off",
      (response) => {
        stop.abort();
        setTimeout(() => response.end(), 50);
      },
    ],
  ]);
  const { asked } = await restored({ states, instead, exitCode: 137, signal: stop.signal });
  const own = asked.filter((one) => one.endsWith("one-off"));
  const began = own.indexOf("start one-off");
  expect(own.slice(began)).toEqual(["start one-off", "kill one-off", "wait one-off", "DELETE one-off"]);
  expect([...states.values()]).toEqual(["running"]);
});

test("where what is half restored does not serve, the restore's own failure is said", async () => {
  const states = new Map<string, State>([["control-plane-1", "running"]]);
  const fails = (text: string): Answer => {
    return (response) => void response.writeHead(500).end(JSON.stringify({ message: text }));
  };
  const instead = new Map([
    ["archive one-off", fails("no room")],
    ["restart control-plane-1", fails("it does not start")],
  ]);
  const { error, asked } = await restored({ states, instead });
  expect(error).toContain("no room");
  expect(asked).toContain("DELETE one-off");
});
