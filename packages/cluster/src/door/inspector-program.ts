/** Run inside a worker's container: asks the newest runner for its inspector and prints the path of it. */

/** Where Node listens when it is asked by a signal. */
export const inspectorPort = 9229;

export const inspectorProgram = `
const fs = require("fs"), http = require("http");
const runs = (pid) => {
  try { return /\\/runner\\/main\\.[jt]s(\\0|$)/.test(fs.readFileSync("/proc/" + pid + "/cmdline", "utf8")); }
  catch { return false; }
};
const pids = fs.readdirSync("/proc").map(Number).filter((pid) => pid > 0 && runs(pid));
if (pids.length === 0) process.exit(3);
process.kill(Math.max(...pids), "SIGUSR1");
const ask = (left) => {
  const again = () => (left === 0 ? process.exit(4) : setTimeout(ask, 100, left - 1));
  http.get("http://127.0.0.1:${inspectorPort}/json/list", (answer) => {
    let text = "";
    answer.on("data", (part) => (text += part));
    answer.on("end", () => process.stdout.write(new URL(JSON.parse(text)[0].webSocketDebuggerUrl).pathname));
  }).on("error", again);
};
ask(50);
`;
