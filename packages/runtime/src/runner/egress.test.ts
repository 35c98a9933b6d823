/** The sandbox's own end of its way out, with its supervisor played by the test. */
import http from "node:http";
import { beforeAll, expect, test } from "vitest";
import { egressPort } from "../channel/link-messages.ts";
import { type Egress, serveEgress } from "./egress.ts";

beforeAll(async () => {
  const egress: Egress = await serveEgress((message) => {
    if (message[0] !== "dial") return;
    const [, id, host, port] = message;
    if (host === "half") {
      const text = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
      setImmediate(() => egress.receive(["dialled", id]));
      setTimeout(() => egress.receive(["data", id, Buffer.from(text).toString("base64")]), 20);
      setTimeout(() => egress.receive(["hung", id]), 40);
      return;
    }
    const refuse = (): void => egress.receive(["hung", id, `${host}:${port} is not allowed`]);
    // In a turn of its own, as what comes from a socket; or at the end of this one.
    if (port === 443) setImmediate(refuse);
    else queueMicrotask(refuse);
  });
});

test("a plain request to what is not allowed is answered, and ends nothing", async () => {
  const options = { host: "127.0.0.1", port: egressPort, path: "http://x/", agent: false };
  const said = await new Promise<string>((resolve, reject) => {
    http
      .get(options, (answer) => {
        let text = String(answer.statusCode);
        answer.on("data", (chunk) => (text += ` ${String(chunk)}`));
        answer.on("end", () => resolve(text));
      })
      .on("error", reject);
  });
  expect(said).toBe("403 x:80 is not allowed\n");
});

test("who asks for a tunnel to what is not allowed is told why, however the answer came", async () => {
  const options = { host: "127.0.0.1", port: egressPort, method: "CONNECT", path: "x:443", agent: false };
  const said = await new Promise<string>((resolve, reject) => {
    http
      .request(options)
      .on("connect", ({ statusCode, statusMessage }) => resolve(`${statusCode} ${statusMessage}`))
      .on("error", reject)
      .end();
  });
  expect(said).toBe("403 x:443 is not allowed");
});

test("an answer that breaks off half-way breaks off for who asked, too", async () => {
  const options = { host: "127.0.0.1", port: egressPort, path: "http://half/", agent: false };
  const ended = new Promise<string>((resolve, reject) => {
    http
      .get(options, (answer) => {
        answer.on("error", (error) => resolve(error.message));
        answer.resume();
      })
      .on("error", reject);
  });
  expect(await ended).toBe("aborted");
}, 3_000);
