/** Sandboxes that a broker makes: for workers that hold no engine. */
import { type Socket, createConnection } from "node:net";
import { Duplex } from "node:stream";
import { type Channel, openChannel } from "../channel/frames.ts";
import { type FromBroker, type ToBroker, parseFromBroker } from "./parse-broker.ts";
import type { OpenSandbox, SandboxExit, SandboxSource } from "./source.ts";
import { unavailable } from "./unavailable.ts";

const nextStep = "af status shows whether the part sandbox runs";
/** Of its bytes, so that one message stays far below what a frame may have. */
const pieceBytes = 256 * 1024;

export function brokerSandboxes(path: string): SandboxSource {
  const channels = new Set<Channel>();
  return {
    open: (request, onOutput) =>
      new Promise((resolve, reject) => {
        const exited = Promise.withResolvers<SandboxExit>();
        const socket = createConnection(path);
        socket.once("error", (error) => {
          reject(unavailable(`the broker at ${path} does not answer: ${error.message}`, [nextStep], error));
        });
        const channel = openChannel(socket, (raw) => receive(parseFromBroker(raw)));
        channels.add(channel);
        const say = (message: ToBroker): void => {
          if (!socket.destroyed) channel.send(message);
        };
        const stream = streamBy(say, socket);
        const receive = (message: FromBroker): void => {
          switch (message[0]) {
            case "opened":
              return resolve(sandbox(message[1]));
            case "refused":
              return reject(refused(message[1]));
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
          reject(unavailable(`the broker at ${path} closed the connection`, [nextStep]));
          exited.resolve({ code: -1, outOfMemory: false });
          stream.destroy();
        });
        say(["open", request]);
      }),
    async close() {
      const open = [...channels];
      for (const channel of open) channel.close();
      await Promise.all(open.map(({ closed }) => closed));
    },
  };
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
