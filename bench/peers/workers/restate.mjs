import * as restate from "@restatedev/restate-sdk";
const inc = (v) => v + 1;
const bench = restate.service({
  name: "bench",
  handlers: {
    one: async (ctx) => ctx.run("step", () => inc(0)),
    chain: async (ctx, n) => {
      let v = 0;
      for (let i = 0; i < n; i++) {
        const x = v;
        v = await ctx.run(`s${i}`, () => inc(x));
      }
      return v;
    },
    fan: async (ctx, n) => {
      const all = await restate.RestatePromise.all(
        Array.from({ length: n }, (_, i) => ctx.run(`s${i}`, () => inc(0))),
      );
      return all.reduce((a, b) => a + b, 0);
    },
  },
});
await restate.serve({ services: [bench], port: Number(process.env.PORT) });
