/** The floor's worker: adds one to whatever it is given. */
import net from "node:net";
import { openLink } from "./frames.ts";

const socket = net.connect(process.argv[2] ?? "");
const control = openLink(socket, ([id, value]) => control.say([id, value + 1]));
socket.on("close", () => process.exit(0));
