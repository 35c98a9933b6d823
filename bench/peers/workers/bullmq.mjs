import { Worker } from "bullmq";
const sum = (o) => Object.values(o).reduce((a, b) => a + b, 0);
new Worker(
  "bench",
  async (job) => {
    const children = job.data && job.opts ? await job.getChildrenValues() : {};
    return sum(children) + (job.name === "inc" ? 1 : 0);
  },
  { connection: { host: "127.0.0.1", port: Number(process.env.PORT) }, concurrency: 64 },
);
