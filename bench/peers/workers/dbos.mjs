import http from "node:http";
import { DBOS } from "@dbos-inc/dbos-sdk";
const inc = async (v) => v + 1;
const wf = {
  one: DBOS.registerWorkflow(async () => DBOS.runStep(() => inc(0), { name: "s" }), { name: "one" }),
  chain: DBOS.registerWorkflow(
    async (n) => {
      let v = 0;
      for (let i = 0; i < n; i++) {
        const x = v;
        v = await DBOS.runStep(() => inc(x), { name: `s${i}` });
      }
      return v;
    },
    { name: "chain" },
  ),
  fan: DBOS.registerWorkflow(
    async (n) => {
      const all = await Promise.all(
        Array.from({ length: n }, (_, i) => DBOS.runStep(() => inc(0), { name: `s${i}` })),
      );
      return all.reduce((a, b) => a + b, 0);
    },
    { name: "fan" },
  ),
};
DBOS.setConfig({
  name: "bench",
  systemDatabaseUrl: process.env.DB,
  systemDatabasePoolSize: 20,
  logLevel: "error",
  tracingEnabled: false,
});
await DBOS.launch();
await DBOS.registerQueue("bench", { minPollingIntervalMs: 5 });
async function answer(req, res) {
  const [, kind, n] = req.url.split("/");
  try {
    const h = await DBOS.startWorkflow(wf[kind])(Number(n));
    res.end(JSON.stringify(await h.getResult()));
  } catch (e) {
    res.statusCode = 500;
    res.end(String(e?.stack ?? e));
  }
}
http.createServer((req, res) => void answer(req, res)).listen(Number(process.env.PORT), "127.0.0.1");
