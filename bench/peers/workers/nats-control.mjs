import { connect } from "@nats-io/transport-node";
import { jetstream } from "@nats-io/jetstream";
import { serveHttp } from "./http-door.mjs";
const nc = await connect({ servers: process.env.URL, noAsyncTraces: true });
const js = jetstream(nc);
const runs = new Map();
let n = 0;
const fail = (e) => {
  console.error(e);
  process.exit(1);
};
// No wait for the PubAck on the way: the result can only arrive after the task was stored.
const shards = Number(process.env.SHARDS || 1);
let turn = 0;
const dispatch = (id, v, more) => {
  const s = turn++ % shards;
  js.publish(`task.${s}`, JSON.stringify({ to: `done.${s}.${id}`, v, ...more })).catch(fail);
};
function begin({ kind, steps }, m) {
  const id = String(n++);
  const fan = kind === "fan";
  if (process.env.LOCAL && kind !== "one") {
    const groups = fan ? 4 : 1;
    runs.set(id, { m, left: groups, v: 0, fan });
    for (let i = 0; i < groups; i++) dispatch(id, 0, fan ? { group: steps / groups } : { chain: steps });
    return;
  }
  runs.set(id, { m, left: steps, v: 0, fan });
  for (let i = 0; i < (fan ? steps : 1); i++) dispatch(id, 0);
}
if (process.env.HTTP) await serveHttp(begin, process.env.HTTP);
else nc.subscribe("start", { callback: (_e, m) => begin(m.json(), m) });
const result = (id, d) => {
  const r = runs.get(id);
  if (!r) return;
  const { v } = d.json();
  r.v = r.fan ? r.v + v : v;
  if (--r.left === 0) {
    runs.delete(id);
    r.m.respond(JSON.stringify({ v: r.v }));
  } else if (!r.fan) dispatch(id, v);
};
const idOf = (subject) => subject.slice(subject.lastIndexOf(".") + 1);
if (process.env.NOTIFY) nc.subscribe("note.done.>", { callback: (_e, d) => result(idOf(d.subject), d) });
else
  for (let i = 0; i < shards; i++) {
    let last;
    let unacked = 0;
    const ackAll = () => {
      if (unacked) {
        unacked = 0;
        last.ack();
      }
    };
    setInterval(ackAll, 50);
    await (await js.consumers.get(`BENCH${i}`, "control")).consume({
      max_messages: 2000,
      callback: (d) => {
        last = d;
        if (++unacked >= 256) ackAll();
        result(idOf(d.subject), d);
      },
    });
  }
