export { assignable } from "./assignable.ts";
export { type Compiled, type CompileOptions, type Scope, compileExpression, isCompiled } from "./compile.ts";
export { rootNames } from "./engine.ts";
export { exprLimits } from "./limits.ts";
export type { ExprCode, ExprProblem, Result } from "./problem.ts";
export type { PathRef, Refs, Segment, StepRef } from "./refs.ts";
export {
  type Template,
  type TemplateExpression,
  type TemplateProblem,
  type TemplateResult,
  compileTemplate,
  isTemplate,
} from "./template.ts";
export { type Inferred, type Types, typeOf } from "./typing.ts";
