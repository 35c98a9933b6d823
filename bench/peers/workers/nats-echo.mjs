import { connect } from "@nats-io/transport-node";
const nc = await connect({ servers: process.env.URL, noAsyncTraces: true });
nc.subscribe("echo", {
  callback: (_e, m) => {
    m.respond(m.data);
  },
});
