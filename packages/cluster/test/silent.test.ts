/** Engines and containers that begin to answer and then say nothing: whoever waits can be told to stop. */
import { afterEach, expect, test } from "vitest";
import { followContainerLines } from "../src/docker/logs.ts";
import { realPace } from "../src/docker/pace.ts";
import { waitReady } from "../src/docker/wait.ts";
import { needImage } from "../src/image/base.ts";
import { type Play, type Played, playedEngine } from "./played.ts";

let played: Played | undefined;
afterEach(async () => played?.close());

async function playing(play: Play) {
  played = await playedEngine(play);
  return played.engine;
}

const of = { project: "silent", target: "box" };
const running = {
  Id: "c1",
  Name: "/part-1",
  Image: "sha256:1",
  RestartCount: 0,
  Mounts: [],
  NetworkSettings: { Networks: {} },
  Config: { Image: "part", Labels: {} },
  HostConfig: {},
  State: { Status: "running", ExitCode: 0, OOMKilled: false, StartedAt: "0001-", FinishedAt: "0001-" },
};

test("a health check that never ends does not hold up who stops waiting", async () => {
  const stop = new AbortController();
  const engine = await playing({
    answer(path, response) {
      if (path === "/containers/c1/json") response.end(JSON.stringify(running));
      else if (path === "/containers/c1/exec") response.end('{"Id":"e1"}');
      else if (path === "/exec/e1/start") {
        response.flushHeaders();
        setImmediate(() => stop.abort());
      } else return false;
      return true;
    },
  });
  const wanted = { name: "part-1", part: "part", runs: "always", health: ["hangs"] } as const;
  const waiting = { engine, pace: realPace, signal: stop.signal, untilMs: Number.POSITIVE_INFINITY };
  await expect(waitReady(wanted, "c1", waiting)).rejects.toMatchObject({ name: "AbortError" });
});

test("a pull that is stopped is said to be stopped, not that there is no such image", async () => {
  const stop = new AbortController();
  const engine = await playing({
    answer(path, response) {
      if (path !== "/images/create") return false;
      response.write('{"status":"Pulling from library/node"}\n');
      setImmediate(() => stop.abort());
      return true;
    },
  });
  const progress = { step: () => undefined, line: () => undefined };
  const wanted = { reference: "node:24", setting: "images.base", progress, signal: stop.signal };
  await expect(needImage(engine, wanted)).rejects.toMatchObject({ reason: "interrupted" });
});

test("of the engine's events one stream is open, however often the list of containers fails", async () => {
  const stop = new AbortController();
  let open = 0;
  let most = 0;
  let asked = 0;
  const engine = await playing({
    answer(path, response) {
      if (path === "/events") {
        most = Math.max(most, ++open);
        response.on("close", () => open--);
        response.flushHeaders();
      } else if (path !== "/containers/json") return false;
      else if (++asked < 4) response.writeHead(500).end('{"message":"not now"}');
      else {
        response.end("[]");
        stop.abort();
      }
      return true;
    },
  });
  // Between two tries what was hung up on is seen to be gone.
  const wait = async (): Promise<void> => expect.poll(() => open).toBe(0);
  const pace = { ...realPace, wait };
  const following = { behind: new Map<string, string>(), signal: stop.signal, onLine: () => undefined, pace };
  await followContainerLines(engine, of, following);
  expect(asked).toBe(4);
  expect(most).toBe(1);
});
