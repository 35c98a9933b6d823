import { describe, test } from "vitest";
import { busContract } from "../contract/index.ts";
import { natsServerOrSkip } from "../contract/servers/index.ts";
import { makeNats } from "./fixtures/maker.ts";

const server = await natsServerOrSkip();

if ("skip" in server) {
  describe.skip(`nats: ${server.skip}`, () => void test("skipped", () => undefined));
} else {
  busContract("nats, 4 logs, fsync before each answer", makeNats({ logs: 4, syncInterval: "always" }));
}
