import { AgentFlowError } from "@agentflow/protocol";

/** `template.json` of a template. */
export interface TemplateFile {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** The commands to type next, in order; three. */
  readonly next: readonly string[];
}

export function parseTemplateFile(text: string, where: string): TemplateFile {
  const value = JSON.parse(text) as Partial<TemplateFile>;
  const { name, title, description, next } = value;
  if (name === undefined || title === undefined || description === undefined || next?.length !== 3) {
    throw new AgentFlowError("internal", `${where} is not a template`, { reason: "broken_template" });
  }
  return { name, title, description, next };
}

/** `package.json`, as far as we look into it. */
export interface PackageFile {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: { readonly [name: string]: string };
  readonly devDependencies?: { readonly [name: string]: string };
}

export function parsePackageFile(text: string): PackageFile {
  return JSON.parse(text) as PackageFile;
}
