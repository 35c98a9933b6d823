import { cpSync, symlinkSync } from "node:fs";
import path from "node:path";
import { Client } from "@langchain/langgraph-sdk";
import { NODE, ROOT, freePort, retry, runDir, start, stop, waitPort } from "../lib/children.ts";

/** LangGraph.js in-memory development server: server and worker are one process. */
export default class LangGraph {
  note = [
    "langgraphjs dev (in-memory server; server and worker are ONE process)",
    "state is kept in memory and written to a JSON file about every 3 s",
    "n-jobs-per-worker 64 (default 10)",
    "a node of the graph is a step, checkpointed in memory",
  ].join("; ");
  async start() {
    const dir = runDir("langgraph");
    cpSync(path.join(ROOT, "peers/workers/langgraph"), dir, { recursive: true });
    symlinkSync(path.join(ROOT, "node_modules"), path.join(dir, "node_modules"));
    const port = await freePort();
    this.server = start(
      dir,
      "server",
      NODE,
      [
        path.join(ROOT, "node_modules/.bin/langgraphjs"),
        "dev",
        "--no-browser",
        "--port",
        String(port),
        "--host",
        "127.0.0.1",
        "-n",
        "64",
        "-c",
        path.join(dir, "langgraph.json"),
      ],
      {
        cwd: dir,
        env: {
          LANGGRAPH_CLI_NO_ANALYTICS: "1",
          LANGSMITH_TRACING: "false",
          LANGCHAIN_TRACING_V2: "false",
          BROWSER: "none",
          LOG_LEVEL: "warn",
        },
      },
    );
    await waitPort(port, 60000);
    this.client = new Client({
      apiUrl: `http://127.0.0.1:${port}`,
      callerOptions: { maxConcurrency: 256, maxRetries: 0 },
    });
    await retry(() => this.runOne({ kind: "one", steps: 1 }), 60000);
  }
  async runOne({ kind, steps }) {
    const r = await this.client.runs.wait(null, kind, {
      input: { n: steps },
      onCompletion: "keep",
      config: { recursion_limit: 200 },
    });
    return r.v;
  }
  pids() {
    return { server: this.server.pid };
  }
  async stop() {
    await stop(this.server);
  }
}
