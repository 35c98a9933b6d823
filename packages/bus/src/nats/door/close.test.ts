/** A worker that asks while its owner closes. */
import { afterEach, describe, expect, test } from "vitest";
import { type NatsServer, natsServerMissing, startNatsServer } from "../../contract/servers/index.ts";
import { openNats } from "../index.ts";

const missing = await natsServerMissing();
let server: NatsServer | undefined;
afterEach(() => server?.close());

describe.skipIf(missing !== undefined)("an owner that closes", () => {
  // It was a wait of five seconds for each worker that stopped in the moment in which its control plane did.
  test("answers whoever it heard; others hear that nobody is there, and nobody waits in vain", async () => {
    server = await startNatsServer();
    const { url } = server;
    for (let round = 0; round < 5; round++) {
      const owner = await openNats({ servers: [url], role: "owner" });
      const worker = await openNats({ servers: [url], role: "worker" });
      const over = new AbortController();
      const asked: Promise<string>[] = [];
      const ask = (n: number): Promise<string> =>
        worker.table.put(`worker.acme.w${n % 50}`, "{}", { expect: "any" }).then(
          () => "written",
          ({ code }: { code: string }) => code,
        );
      const asking = (async () => {
        for (let n = 0; !over.signal.aborted; n++) {
          asked.push(ask(n));
          await new Promise((resolve) => void setImmediate(resolve));
        }
      })();
      await Promise.all([ask(0), ask(1)]);
      await owner.close();
      over.abort();
      await asking;
      const kinds = new Set(await Promise.all([...asked, ask(2)]));
      expect(kinds).toEqual(new Set(["written", "unavailable"]));
      await worker.close();
    }
  });
});
