/** The engine of the tests itself: it answers, and what our images are built on is there and works. */
import { expect, test } from "vitest";
import { baseImages, engineMissing, testEngine } from "./engine/index.ts";

const missing = await engineMissing();

test.skipIf(missing !== undefined)(
  `a container of each base image runs ${missing ?? ""}`,
  async () => {
    const engine = await testEngine();
    const images = await baseImages(engine);
    expect(await said(images.node, ["node", "-p", "process.versions.node.split('.')[0]"])).toBe("24");
    expect(await said(images.node, ["stat", "-c", "%a", "/tmp"])).toBe("1777");
    expect(await said(images.nats, ["nats-server", "--version"])).toMatch(/^nats-server: v2\./);
  },
  120_000,
);

async function said(image: string, command: string[]): Promise<string> {
  const { docker } = await testEngine();
  const container = await docker.createContainer({ Image: image, Cmd: command, Tty: true });
  try {
    await container.start();
    await container.wait();
    return (await container.logs({ stdout: true })).toString().trim();
  } finally {
    await container.remove({ force: true });
  }
}
