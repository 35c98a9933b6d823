/**
 * The sandbox's way out, where it has one: a proxy on its own loopback, whose connections the supervisor
 * makes or refuses. What is allowed is decided there; nothing here holds anybody back.
 */
import http from "node:http";
import { Duplex } from "node:stream";
import { type LinkFromSandbox, type LinkToSandbox, egressPort } from "../channel/link-messages.ts";

export interface Egress {
  receive(message: LinkToSandbox): void;
}

export function serveEgress(say: (message: LinkFromSandbox) => void): Promise<Egress> {
  const links = new Map<number, Link>();
  let next = 1;
  const dial = (host: string, port: number): Link => {
    const id = next++;
    const link = new Link(id, say, () => links.delete(id));
    links.set(id, link);
    say(["dial", id, host, port]);
    return link;
  };
  const server = http.createServer((request, response) => forward(request, response, dial));
  server.on("connect", ({ url = "" }, socket, head) => tunnel({ url, socket, head }, dial));
  const egress: Egress = {
    receive(message) {
      const link = links.get(message[1]);
      if (message[0] === "dialled") link?.open();
      else if (message[0] === "data") link?.push(Buffer.from(message[2], "base64"));
      else link?.over(message[2]);
    },
  };
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(egressPort, "127.0.0.1", () => {
      server.unref();
      resolve(egress);
    });
  });
}

class Link extends Duplex {
  readonly #id: number;
  readonly #say: (message: LinkFromSandbox) => void;
  readonly #opened = Promise.withResolvers<void>();

  constructor(id: number, say: (message: LinkFromSandbox) => void, forget: () => void) {
    super();
    this.#id = id;
    this.#say = say;
    // Whoever waits for it is told; nobody has to.
    this.#opened.promise.catch(() => undefined);
    this.once("close", forget);
  }

  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  open(): void {
    this.#opened.resolve();
  }

  over(reason?: string): void {
    this.#opened.reject(new Error(reason ?? "it was closed"));
    if (reason === undefined) this.push(null);
    else this.destroy(new Error(reason));
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#say(["send", this.#id, chunk.toString("base64")]);
    done();
  }

  override _final(done: () => void): void {
    this.#say(["hang", this.#id]);
    done();
  }
}

type Dial = (host: string, port: number) => Link;

function tunnel(
  { url, socket, head }: { readonly url: string; readonly socket: Duplex; readonly head: Buffer },
  dial: Dial,
): void {
  const { host, port } = split(url, 443);
  const link = dial(host, port);
  let isOpen = false;
  // Of one that is refused the link tells twice, and in either order: it is answered once, in words.
  const over = (error: Error): void => {
    if (isOpen) socket.destroy();
    else if (!socket.writableEnded) socket.end(`HTTP/1.1 403 ${plain(error.message)}\r\n\r\n`);
  };
  socket.on("error", () => link.destroy());
  link.on("error", over);
  link.opened.then(() => {
    isOpen = true;
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    if (head.length > 0) link.write(head);
    socket.pipe(link).pipe(socket);
  }, over);
}

/** A request as a proxy gets it: the whole URL in its first line. */
function forward(request: http.IncomingMessage, response: http.ServerResponse, dial: Dial): void {
  const url = URL.parse(request.url ?? "");
  if (url?.protocol !== "http:") {
    response.writeHead(400).end("a proxy for http:// and https:// alone\n");
    return;
  }
  const link = dial(url.hostname, Number(url.port || 80));
  const refuse = (error: Error): void => {
    if (response.writableEnded) return;
    if (response.headersSent) response.destroy();
    else response.writeHead(403).end(`${error.message}\n`);
  };
  link.on("error", refuse);
  link.opened.then(() => {
    const { method, headers } = request;
    const options = { method, headers, path: url.pathname + url.search, createConnection: () => link };
    const sent = http.request(options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.on("close", () => {
        if (!answer.complete) response.destroy();
      });
    });
    sent.on("error", refuse);
    request.pipe(sent);
  }, refuse);
}

function split(target: string, byDefault: number): { readonly host: string; readonly port: number } {
  const at = target.lastIndexOf(":");
  if (at < 0) return { host: target, port: byDefault };
  return { host: target.slice(0, at), port: Number(target.slice(at + 1)) };
}

function plain(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, " ").slice(0, 200);
}
