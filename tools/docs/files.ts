import { code, generated, page, table } from "./markdown.ts";
import { branches, type Property, properties, readSchema, type SchemaNode } from "./schema.ts";

/** Every key of agentflow.yaml and of a workflow, from the schemas that editors use. */
export function filesPage(): string {
  return page([
    "# Files of a project",
    generated,
    "These files are YAML. The first line of each tells an editor which schema it follows, so that keys " +
      "are completed, explained and checked while you type. An unknown key is an error: `af validate` " +
      "names it with its line.",
    "Durations are written `250ms`, `30s`, `5m`, `24h` or `7d`.",
    "## agentflow.yaml",
    "```yaml\n# yaml-language-server: $schema=./node_modules/@agentflow/protocol/schemas/project.json\n" +
      "apiVersion: agentflow.dev/v1\nkind: Project\nname: triage\npools:\n  default: {concurrency: 8}\n```",
    "Strings of this file, and of no other, may be references: `env://NAME` and `env://NAME?default` read " +
      "the environment, `secret://name` is a secret. In `.env` the secret `model-key` is `MODEL_KEY`.",
    ...sections(readSchema("project"), ""),
    "## workflows/*.yaml",
    "```yaml\n# yaml-language-server: $schema=../node_modules/@agentflow/protocol/schemas/workflow.json\n" +
      "apiVersion: agentflow.dev/v1\nkind: Workflow\nname: hello\nsteps:\n" +
      '  greet: {uses: "tool:hello.greet", with: {name: "${input.name}"}}\n' +
      'output: {text: "${steps.greet.output.text}"}\n```',
    "A string may hold expressions in `${ }`. One that is a single `${ }` keeps the value's type. `if`, " +
      "`select`, `forEach.in` and `catch.when` are expressions themselves, without `${ }`.",
    ...sections(readSchema("workflow"), ""),
    "## agents/*.yaml",
    "```yaml\n# yaml-language-server: $schema=../node_modules/@agentflow/protocol/schemas/agent.json\n" +
      "apiVersion: agentflow.dev/v1\nkind: Agent\nname: writer\ndescription: Answers a ticket\n" +
      "instructions: {file: prompts/writer.md}\ntools: [orders.find]\n```",
    "`instructions` and `prompt` may hold expressions in `${ }` over `input` and `run`.",
    ...sections(readSchema("agent"), ""),
    "## Model scripts",
    "What a scripted model says, for `provider: scripted` and `af mock-llm`; told in " +
      "[Models](../guide/models.md).",
    ...sections(readSchema("model-script"), ""),
    "## agents/*.ts and tools/*.ts",
    "Tools are written in TypeScript, with `defineTool` of `@agentflow/sdk`. So are agents whose work is a " +
      "function, and, where you prefer it to YAML, agents whose work a model does: `defineAgent`.",
  ]);
}

/** A table of the keys at a path, then the same for each key that has keys of its own. */
function sections(schema: SchemaNode, path: string, title = path): string[] {
  const keys = properties(schema);
  const head = title === "" ? [] : [`### ${code(title)}`];
  return [
    ...head,
    table(["Key", "Type", "", "Meaning"], keys.map(row)),
    ...keys.flatMap((key) => below(key, path)),
  ];
}

function below({ name, type, inner }: Property, path: string): string[] {
  const here = `${path === "" ? "" : `${path}.`}${name}${type.startsWith("map of") ? ".<name>" : ""}`;
  const several = branches(inner).filter((branch) => properties(branch).length > 0);
  if (several.length > 0) return once(several.flatMap((branch) => variant(branch, here)));
  return properties(inner).length > 0 ? sections(inner, here) : [];
}

/** One of several forms of an object: its title names the kind, and what all forms share is printed once. */
function variant(branch: SchemaNode, path: string): string[] {
  const kind = properties(branch).find(({ name }) => name === "kind");
  const title = kind === undefined ? path : `${path} (kind: ${kind.type.replaceAll('"', "")})`;
  return sections(branch, path, title);
}

/** The blocks of titles, each title with its table, without those that came before under the same title. */
function once(blocks: readonly string[]): string[] {
  const seen = new Set<string>();
  return blocks.filter((block, i) => {
    const title = block.startsWith("### ") ? block : (blocks[i - 1] ?? "");
    const isNew = !seen.has(title);
    if (block !== title) seen.add(title);
    return isNew;
  });
}

function row({ name, required, type, description, default: fallback, example }: Property): string[] {
  const more = [
    ...(fallback === undefined ? [] : [`Default: ${code(fallback)}.`]),
    ...(example === undefined ? [] : [`Example: ${code(example)}.`]),
  ];
  return [code(name), type, required ? "required" : "", [description, ...more].join(" ")];
}
