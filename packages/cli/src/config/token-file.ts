/** A token told by the path of its file: what stands in a variable or an argument, others can read. */
import { AgentFlowError } from "@agentflow/protocol";
import { readFileSync } from "node:fs";

/** Refuses a file that is not there or holds no token: going on without one would only be refused later. */
export function readTokenFile(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw unusable(`the token's file cannot be read: ${why}`, { file, cause });
  }
  if (/^[A-Za-z0-9_.~+/=-]{32,512}$/.test(text)) return text;
  throw unusable(`${file} holds no token: one of 32 to 512 letters, digits and _ . ~ + / = - is expected`, {
    file,
  });
}

function unusable(message: string, { file, cause }: { readonly file: string; readonly cause?: unknown }) {
  return new AgentFlowError("invalid_input", message, {
    reason: "invalid_token_file",
    details: { where: file },
    suggestions: ["check --token-file, or AF_TOKEN_FILE", "af bus prepare makes one"],
    ...(cause === undefined ? {} : { cause }),
  });
}

type Environment = { readonly [name: string]: string | undefined };

/** AF_TOKEN as AF_TOKEN_FILE has it, where AF_TOKEN itself says nothing. */
export function withTokenFile(environment: Environment): Environment {
  const file = environment["AF_TOKEN_FILE"] ?? "";
  if (file === "" || (environment["AF_TOKEN"] ?? "") !== "") return environment;
  return { ...environment, AF_TOKEN: readTokenFile(file) };
}
