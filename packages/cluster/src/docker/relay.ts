/** A connection to a port inside a container, by a small program that runs there for as long as it lasts. */
import type Docker from "dockerode";
import { Duplex } from "node:stream";
import { demultiplexed } from "./demultiplex.ts";

/** Joins its own pipes with the port. */
const program =
  'const s=require("net").connect(+process.argv[1],"127.0.0.1");' +
  "process.stdin.pipe(s);s.pipe(process.stdout);" +
  's.on("error",()=>process.exit(1));s.on("close",()=>process.exit(0))';

export async function connectInside(container: Docker.Container, port: number): Promise<Duplex> {
  const exec = await container.exec({
    Cmd: ["node", "-e", program, String(port)],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
  });
  return new Inside(await exec.start({ hijack: true, stdin: true, Tty: false }));
}

/** What is written goes in as it is; what comes out comes in frames, of which stdout is the connection. */
class Inside extends Duplex {
  readonly #stream: Duplex;

  constructor(stream: Duplex) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
    demultiplexed(stream, {
      stdout: (bytes) => {
        if (!this.push(bytes)) stream.pause();
      },
      end: () => this.push(null),
    });
    stream.on("error", (error) => this.destroy(error));
    stream.on("close", () => this.destroy());
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#stream.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#stream.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#stream.destroy();
    done(error);
  }

  // What an HTTP connection has beyond a stream.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
