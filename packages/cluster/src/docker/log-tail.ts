/** The last lines of what a container printed. */
import type { Engine } from "./engine/open.ts";

const tailLines = 20;
const lineMax = 2_000;

/** stdout and stderr in the engine's order, at most 20 lines. Control characters are still in them. */
export async function lastLines(engine: Engine, id: string): Promise<readonly string[]> {
  return engine
    .ask("reading a container's output", async (docker) => {
      const output = await docker.getContainer(id).logs({ stdout: true, stderr: true, tail: tailLines });
      return textLines(Buffer.from(output));
    })
    .catch(() => []);
}

/** The engine puts 8 bytes before each piece: which stream, then how long. */
function textLines(output: Buffer): string[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= output.length; ) {
    const length = output.readUInt32BE(at + 4);
    pieces.push(output.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  const lines = Buffer.concat(pieces).toString("utf8").split("\n");
  return lines
    .map((line) => line.trimEnd().slice(0, lineMax))
    .filter((line) => line !== "")
    .slice(-tailLines);
}
