import { Annotation, END, START, Send, StateGraph } from "@langchain/langgraph";
const State = Annotation.Root({
  n: Annotation(),
  v: Annotation({ reducer: (a, b) => (a ?? 0) + b, default: () => 0 }),
});
const inc = async () => ({ v: 1 });
export const one = new StateGraph(State).addNode("s", inc).addEdge(START, "s").addEdge("s", END).compile();
let g = new StateGraph(State);
for (let i = 0; i < 10; i++) g = g.addNode(`s${i}`, inc);
g.addEdge(START, "s0");
for (let i = 1; i < 10; i++) g.addEdge(`s${i - 1}`, `s${i}`);
g.addEdge("s9", END);
export const chain = g.compile();
export const fan = new StateGraph(State)
  .addNode("s", inc)
  .addConditionalEdges(START, (st) => Array.from({ length: st.n }, () => new Send("s", {})), ["s"])
  .addEdge("s", END)
  .compile();
