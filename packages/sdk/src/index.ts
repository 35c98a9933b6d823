/** What a project imports: the define functions. The client stands in `@agentflow/sdk/client`. */
export * from "./define/index.ts";
