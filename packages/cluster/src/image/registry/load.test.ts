import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { loadImages } from "./load.ts";

const [first, second] = ["agentflow/triage:0f3a", "agentflow/control-plane:0.1.0-1"];

async function load(command: string, signal?: AbortSignal): Promise<string[]> {
  const said: string[] = [];
  await loadImages({
    command,
    images: [first, second, first],
    folder: tmpdir(),
    environment: { PATH: process.env["PATH"] },
    progress: { step: (text) => said.push(`# ${text}`), line: (text) => said.push(text) },
    ...(signal === undefined ? {} : { signal }),
  });
  return said;
}

describe("images by a command", () => {
  test("it runs once for each image, and what it prints is told", async () => {
    const each = (image: string): string[] => [`# loading ${image}`, image];
    expect(await load("echo {image}")).toEqual([...each(first), ...each(second)]);
    expect(await load("echo {image} | cat 1>&2")).toEqual([...each(first), ...each(second)]);
  });

  test("a failure comes with its last lines, and ends the rest", async () => {
    const command = `sh -c 'seq 1 30; echo "no node called $0" >&2; exit 4' {image}`;
    const failing = load(command);
    await expect(failing).rejects.toMatchObject({
      code: "unavailable",
      reason: "image_load_failed",
      details: { image: first, how: "exit code 4" },
    });
    await expect(failing).rejects.toThrow(`no node called ${first}`);
    await expect(failing).rejects.not.toThrow(/^5$/m);
  });

  test("a program that is not there", async () => {
    await expect(load("kindd load {image}")).rejects.toMatchObject({
      code: "unavailable",
      reason: "image_load_missing",
      suggestions: expect.arrayContaining(["install kindd"]),
    });
  });

  test("what is stopped ends with all that it started", async () => {
    const stop = new AbortController();
    const command = "echo {image} && sleep 600 | cat";
    const said: string[] = [];
    const loading = loadImages({
      command,
      images: [first],
      folder: tmpdir(),
      environment: { PATH: process.env["PATH"] },
      progress: {
        step: () => undefined,
        line: (text) => {
          said.push(text);
          stop.abort();
        },
      },
      signal: stop.signal,
    });
    // Its output closes when the last of them is gone.
    await expect(loading).rejects.toMatchObject({ name: "AbortError" });
    expect(said).toEqual([first]);
  });
});
