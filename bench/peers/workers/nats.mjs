import { connect } from "@nats-io/transport-node";
import { jetstream } from "@nats-io/jetstream";
const nc = await connect({ servers: process.env.URL, noAsyncTraces: true });
const js = jetstream(nc);
// With NOTIFY the control plane hears of a result by a core message, sent once the result is stored.
async function done(m, to, v) {
  const body = JSON.stringify({ v });
  await js.publish(to, body);
  if (process.env.NOTIFY) nc.publish(`note.${to}`, body);
  m.ack();
}
// The last publish of a chain or a group is its result; the ones before are the steps' events.
async function local(m, to, v, n) {
  for (let i = 1; i < n; i++) {
    v += 1;
    await js.publish(`step.${to}.${i}`, JSON.stringify({ v }));
  }
  await done(m, to, v + 1);
}
async function many(m, to, n) {
  const sent = [];
  for (let i = 0; i < n; i++) sent.push(js.publish(`step.${to}.${i}`, '{"v":1}'));
  await Promise.all(sent);
  await done(m, to, n);
}
for (let i = 0; i < Number(process.env.SHARDS || 1); i++)
  await (await js.consumers.get(`BENCH${i}`, "worker")).consume({
    max_messages: 1000,
    callback: (m) => {
      const { to, v, chain, group } = m.json();
      if (chain) {
        void local(m, to, v, chain);
        return;
      }
      if (group) {
        void many(m, to, group);
        return;
      }
      done(m, to, v + 1).catch(() => m.nak());
    },
  });
