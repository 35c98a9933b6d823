/** Words of `af secrets`: what stands there may be a secret by mistake, so nothing of it is ever repeated. */
import { AgentFlowError, isId, type SecretName } from "@agentflow/protocol";

export function secretName(word: string): SecretName {
  if (isId("secret", word)) return word;
  if (word.includes("=")) throw valueInWords();
  throw new AgentFlowError("invalid_input", "this is no name of a secret", {
    reason: "invalid_id",
    suggestions: [
      "names are of a to z, 0 to 9, - and _, such as model-key",
      "the variable MODEL_KEY is the secret model-key",
    ],
  });
}

/** For whatever the command line holds that this command does not take. */
export function valueInWords(): AgentFlowError {
  return new AgentFlowError(
    "invalid_input",
    "af secrets set takes no value on the command line, where others can see it and the shell keeps it",
    {
      reason: "value_on_command_line",
      suggestions: [
        "af secrets set NAME (asks for it)",
        "af secrets set NAME < FILE, or --from-file FILE",
        "if what you typed was a real key: have it replaced, and remove the line from the shell's history",
      ],
    },
  );
}
