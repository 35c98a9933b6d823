import { AgentFlowError } from "@agentflow/protocol";
import { relative } from "node:path";
import { AgentFlowCommand } from "../../base-command.ts";
import { needProject } from "../../config/installation.ts";
import { Args, Flags } from "../../flags.ts";
import { bold, dim, yellow } from "../../output/text.ts";
import { secretName, valueInWords } from "../../secrets/secret-name.ts";

/** Shorter values occur by chance. */
const hiddenWithoutHarm = 8;
const hiddenAtAll = 4;

export default class SecretsSet extends AgentFlowCommand {
  static override summary = "Set a secret of this project; its value comes from a prompt, stdin or a file";
  static override description =
    "Kept in .agentflow/secrets.json, which only you can read. A running af dev or worker takes it over " +
    "within a second. What a project says is secret://model-key is the secret model-key here.";
  static override args = {
    secret: Args.string({ required: true, description: "its name, such as model-key" }),
  };
  static override flags = {
    "from-file": Flags.string({ description: "the file that holds the value", helpValue: "FILE" }),
  };
  static override examples = [
    "af secrets set model-key",
    "af secrets set model-key < key.txt",
    "af secrets set model-key --from-file key.txt --json",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SecretsSet).catch((error: unknown) => {
      throw withoutWords(error);
    });
    const name = secretName(args.secret);
    const folder = this.folder(flags);
    const dir = needProject(folder);
    const value = await this.#value(flags["from-file"], { folder, name, mayAsk: this.mayAsk(flags) });
    const { placeHere, setSecretHere } = await import("../../local/secrets.ts");
    const before = await placeHere(dir, name);
    const { file, setAt, replaced } = await setSecretHere(dir, { name, value });
    const place = await placeHere(dir, name);
    const warned = warnings(value);
    this.output.data({ name, file, setAt, replaced, warnings: warned });
    this.output.line([
      "secret ",
      bold(name),
      replaced ? " is replaced" : " is set",
      dim(`  ${relative(dir, file)}`),
    ]);
    if (place === "folder")
      this.output.say(yellow("The folder of AF_SECRETS_DIR has it too, and is asked first."));
    else if (before !== undefined && before !== "file")
      this.output.say(
        dim(`The value from ${before === ".env" ? ".env" : "the environment"} is not used any more.`),
      );
    for (const warning of warned) this.output.say(yellow(warning));
  }

  async #value(
    file: string | undefined,
    of: { readonly folder: string; readonly name: string; readonly mayAsk: boolean },
  ): Promise<string> {
    const { readValueFromFile, readValueFromStdin } = await import("../../secrets/parse-value.ts");
    if (file !== undefined && file !== "-") return readValueFromFile(of.folder, file);
    if (!process.stdin.isTTY) return readValueFromStdin();
    if (!of.mayAsk) {
      throw new AgentFlowError("invalid_input", "nobody can be asked for the value here", {
        reason: "value_needed",
        suggestions: [`af secrets set ${of.name} < FILE`, `af secrets set ${of.name} --from-file FILE`],
      });
    }
    const { password } = await import("@inquirer/prompts");
    return password(
      {
        message: `Value of ${of.name} (it is not shown):`,
        validate: (text) => text !== "" || "It is empty.",
      },
      { output: process.stderr },
    );
  }
}

/** The library's errors repeat what was typed: here that may be the secret itself. */
function withoutWords(error: unknown): unknown {
  if (AgentFlowError.is(error)) return error;
  const text = error instanceof Error ? error.message : "";
  if (/^Missing \d+ required arg/.test(text)) {
    return new AgentFlowError("invalid_input", "af secrets set needs the NAME of a secret", {
      reason: "usage",
      suggestions: ["af secrets set model-key", "af help secrets set"],
    });
  }
  return valueInWords();
}

function warnings(value: string): string[] {
  const found: string[] = [];
  if (value.length < hiddenAtAll) found.push("So short a value cannot be hidden in logs and results.");
  else if (value.length < hiddenWithoutHarm)
    found.push("Short values are hidden wherever these letters occur, in other words too.");
  if (value.trim() !== value) found.push("The value begins or ends with a space or a newline.");
  return found;
}
