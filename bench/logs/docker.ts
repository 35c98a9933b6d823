/** An installation that `af up` makes: its workers are replaced in every way in which one can be. */
import { appendFileSync } from "node:fs";
import path from "node:path";
import { benchEngine, type Engine } from "../containers/engine.ts";
import { UpStack } from "../containers/up-stack.ts";
import { writeProject } from "../embedded/project.ts";
import { freePort, sleep } from "../lib/children.ts";
import { lineMark } from "./check.ts";
import type { Place, PlaceOptions } from "./place.ts";
import { sayingProject } from "./project.ts";

const target = "bench";

export async function dockerPlace({ dir, name }: PlaceOptions): Promise<Place> {
  const engine = await benchEngine();
  const project = path.join(dir, "project");
  const port = await freePort();
  writeProject(project, sayingProject({ name, target, port }));
  const stack = new UpStack({ engine, dir: project, project: name, target });
  await stack.up();
  const [client] = await stack.clients(120_000);
  if (client === undefined) throw new Error("there is no control plane");
  const cutOff = new Map<string, number>();
  const turns = turnsOf({ engine, stack, project, cutOff });
  let n = 0;
  return {
    client,
    words: ["-C", project, "--context", target],
    environment: process.env,
    pids: () => new Map(),
    cutOff,
    async replaceWorker() {
      const [how, act] = turns[n++ % turns.length] ?? ["", async () => undefined];
      await act();
      return how;
    },
    async restartServer() {
      await stack.af("restart", "control-plane", "--target", target);
    },
    async end() {
      client.close();
      await stack.remove();
      engine.close();
    },
  };
}

interface Replacing {
  readonly engine: Engine;
  readonly stack: UpStack;
  readonly project: string;
  readonly cutOff: Map<string, number>;
}

function turnsOf(of: Replacing): readonly (readonly [string, () => Promise<unknown>])[] {
  const { stack, project } = of;
  return [
    ["af restart", () => stack.af("restart", "worker-default-1", "--target", target)],
    ["docker kill", () => kill(of)],
    [
      "af scale",
      async () => {
        await stack.af("scale", "default=3", "--target", target);
        await stack.af("scale", "default=2", "--target", target);
      },
    ],
    [
      "new code",
      async () => {
        appendFileSync(path.join(project, "tools/say.ts"), `// changed\n`);
        await stack.up();
      },
    ],
  ];
}

/** With what it printed before; then it is started again, as nobody does after the engine's own kill. */
async function kill({ engine, stack, cutOff }: Replacing): Promise<void> {
  const box = (await stack.boxes()).find(({ part }) => part === "worker-default");
  if (box === undefined) throw new Error("there is no worker");
  const container = engine.docker.getContainer(box.name);
  await container.kill();
  await sleep(500);
  const printed = await container.logs({ stdout: true, stderr: true, tail: 50_000 });
  for (const line of printed.toString("utf8").split("\n")) {
    const found = lineMark.exec(line);
    if (found !== null && isWhole(line)) cutOff.set(found[1] ?? "", Number(found[2]));
  }
  await sleep(2_000);
  await container.start();
}

/** A kill may cut off a line in its middle: that one was never written. */
function isWhole(line: string): boolean {
  try {
    JSON.parse(line.slice(line.indexOf("{")));
    return true;
  } catch {
    return false;
  }
}
