/** What tests that were killed left on an engine that is the tests' own. Nobody else's things are on it. */
import { request } from "node:http";

/** Images stay this long, so that nothing is built twice in a day and the cache does not grow for ever. */
const keepImagesFor = "24h";

/**
 * Removes every container, network and volume, and images that are old. To be called when no test runs:
 * a container that restarts by itself would come back with the next start of the engine.
 */
export async function sweep(socket: string): Promise<void> {
  const answer = await ask(socket, "GET", "/containers/json?all=1");
  for (const [, id = ""] of answer.matchAll(/"Id":"([0-9a-f]+)"/g)) {
    await ask(socket, "DELETE", `/containers/${id}?force=1&v=1`);
  }
  await ask(socket, "POST", "/networks/prune");
  // Older engines know no `all`, and mean it.
  await ask(socket, "POST", "/volumes/prune");
  await ask(socket, "POST", `/volumes/prune${filters({ all: ["true"] })}`);
  await ask(socket, "POST", `/images/prune${filters({ dangling: ["false"], until: [keepImagesFor] })}`);
  await ask(socket, "POST", `/build/prune${filters({ until: [keepImagesFor] })}`);
}

function filters(words: { readonly [name: string]: readonly string[] }): string {
  return `?filters=${encodeURIComponent(JSON.stringify(words))}`;
}

/** The body of an answer; an engine that does not answer, or refuses, has nothing to sweep. */
function ask(socketPath: string, method: string, path: string): Promise<string> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, method, path }, (answer) => {
      let body = "";
      answer.on("data", (chunk: Buffer) => (body += chunk.toString("utf8")));
      answer.on("end", () => resolve(answer.statusCode === 200 ? body : ""));
      answer.on("error", () => resolve(""));
    });
    asked.on("error", () => resolve(""));
    asked.end();
  });
}
