export { isMutation, type Mutation, mutationNames } from "./mutations/mutations.ts";
export { scenarios } from "./faults/scenarios.ts";
export { type SimulateOptions, type Simulated, simulate } from "./simulate.ts";
