/**
 * The world outside of an installation in containers: each call of a tool is told here before its work is
 * done. `POST /` takes one line of JSON with an `id`; told again under one id it counts once. Every line goes
 * to standard output, from where it is read.
 */
import { createServer } from "node:http";

const seen = new Set();

createServer((request, response) => {
  let text = "";
  request.on("data", (chunk) => (text += chunk));
  request.on("end", () => {
    const { id, ...line } = JSON.parse(text === "" ? "{}" : text);
    if (id !== undefined && !seen.has(id)) {
      seen.add(id);
      process.stdout.write(`${JSON.stringify(line)}\n`);
    }
    response.end("ok");
  });
}).listen(8080);
process.on("SIGTERM", () => process.exit());
