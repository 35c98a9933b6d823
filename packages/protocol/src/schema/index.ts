/** zod schemas of everything that crosses a process boundary. Heavy: import only where unknown data enters. */
export * as apiSchemas from "./api.ts";
