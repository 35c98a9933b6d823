/** Sandboxes that a broker makes: for workers that hold no engine. */
import { type Socket, createConnection } from "node:net";
import { Duplex } from "node:stream";
import { type Channel, openChannel } from "../channel/frames.ts";
import { type FromBroker, type ToBroker, parseFromBroker } from "./parse-broker.ts";
import { type Wait, realWait } from "./pace.ts";
import type { OpenSandbox, SandboxExit, SandboxSource } from "./source.ts";
import { unavailable } from "./unavailable.ts";

const nextStep = "af status shows whether the part sandbox runs";
/** Of its bytes, so that one message stays far below what a frame may have. */
const pieceBytes = 256 * 1024;

/** One that has just ended is started again by whoever runs it: a call waits for that, and not for long. */
const looks = { max: 20, pauseMs: 250 } as const;

export function brokerSandboxes(path: string, wait: Wait = realWait): SandboxSource {
  const channels = new Set<Channel>();
  return {
    async open(request, onOutput) {
      const socket = await connected(path, wait);
      const opened = Promise.withResolvers<OpenSandbox>();
      const exited = Promise.withResolvers<SandboxExit>();
      const channel = openChannel(socket, (raw) => receive(parseFromBroker(raw)));
      channels.add(channel);
      const say = (message: ToBroker): void => {
        if (!socket.destroyed) channel.send(message);
      };
      const stream = streamBy(say, socket);
      const receive = (message: FromBroker): void => {
        switch (message[0]) {
          case "opened":
            return opened.resolve(sandbox(message[1]));
          case "refused":
            return opened.reject(refused(message[1]));
          case "out":
            return void stream.push(Buffer.from(message[1], "base64"));
          case "err":
            return onOutput(Buffer.from(message[1], "base64"));
          case "exit":
            return exited.resolve(message[1]);
        }
      };
      const sandbox = (applied: OpenSandbox["applied"]): OpenSandbox => ({
        stream,
        applied,
        exited: exited.promise,
        kill: () => say(["kill"]),
      });
      void channel.closed.then(() => {
        channels.delete(channel);
        opened.reject(unavailable(`the broker at ${path} closed the connection`, [nextStep]));
        exited.resolve({ code: -1, outOfMemory: false, why: "its broker went away" });
        stream.destroy();
      });
      say(["open", request]);
      return opened.promise;
    },
    async close() {
      const open = [...channels];
      for (const channel of open) channel.close();
      await Promise.all(open.map(({ closed }) => closed));
    },
  };
}

async function connected(path: string, wait: Wait): Promise<Socket> {
  for (let look = 1; ; look++) {
    try {
      return await connect(path);
    } catch (error) {
      const { message, isAbsent } = saidBy(error);
      if (!isAbsent || look === looks.max) {
        throw unavailable(`the broker at ${path} does not answer: ${message}`, [nextStep], error);
      }
    }
    await wait(looks.pauseMs);
  }
}

function connect(path: string): Promise<Socket> {
  const socket = createConnection(path);
  return new Promise((resolve, reject) => {
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

/** Nobody listens there now, which may be otherwise in a moment. */
function saidBy(error: unknown): { readonly message: string; readonly isAbsent: boolean } {
  if (!(error instanceof Error)) return { message: String(error), isAbsent: false };
  const code = "code" in error ? String(error.code) : "";
  return { message: error.message, isAbsent: code === "ENOENT" || code === "ECONNREFUSED" };
}

function refused(of: { readonly message: string; readonly suggestions: readonly string[] }): Error {
  return unavailable(of.message.replace(/^no sandbox: /, ""), of.suggestions);
}

function streamBy(say: (message: ToBroker) => void, socket: Socket): Duplex {
  return new Duplex({
    read: () => {},
    write(chunk: Buffer, _encoding, done) {
      for (let from = 0; from < chunk.length; from += pieceBytes) {
        say(["in", chunk.toString("base64", from, from + pieceBytes)]);
      }
      // A broker that takes it slowly makes its writer wait.
      if (socket.writableNeedDrain) socket.once("drain", () => done());
      else done();
    },
    // Its channel was broken by what came out of it: it could never answer again.
    destroy(error, done) {
      say(["kill"]);
      done(error);
    },
  });
}
