export { type CompileOptions, type CompiledWorkflow, compileWorkflow } from "./static.ts";
