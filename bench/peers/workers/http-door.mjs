import http from "node:http";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

/** POST start-and-wait before a floor: parsed, answered at the end, rows projected in 50 ms batches. */
export async function serveHttp(begin, dir) {
  const project = projection(dir);
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const work = JSON.parse(Buffer.concat(chunks).toString("utf8"));
      const startedAt = Date.now();
      const respond = (text) => {
        project({ kind: work.kind, startedAt });
        const body = JSON.stringify({ status: "completed", output: JSON.parse(text).v });
        response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
        response.end(body);
      };
      begin(work, { respond });
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  process.send?.({ port: server.address().port });
}

function projection(dir) {
  const db = new DatabaseSync(path.join(dir, "read.db"));
  db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-4096");
  db.exec(
    "CREATE TABLE runs(run INTEGER PRIMARY KEY, kind TEXT, status TEXT, startedAt INTEGER, endedAt INTEGER)",
  );
  db.exec(
    "CREATE INDEX runs_status ON runs(status, startedAt); CREATE INDEX runs_kind ON runs(kind, startedAt)",
  );
  const insert = db.prepare("INSERT INTO runs(kind, status, startedAt, endedAt) VALUES(?, 'done', ?, ?)");
  let ended = [];
  setInterval(() => {
    if (ended.length === 0) return;
    db.exec("BEGIN");
    for (const { kind, startedAt, endedAt } of ended) insert.run(kind, startedAt, endedAt);
    db.exec("COMMIT");
    ended = [];
  }, 50).unref();
  return (row) => ended.push({ ...row, endedAt: Date.now() });
}
