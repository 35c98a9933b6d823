/** Regular expressions from outside: their time grows with the text and with nothing else. */
import { AgentFlowError } from "@agentflow/protocol";
import { setFlagsFromString } from "node:v8";

export interface Pattern {
  /** Looks at the first 8,192 characters. */
  test(text: string): boolean;
}

const patternCharsMax = 200;
const textCharsMax = 8_192;
/** The flag of that engine. */
const linear = "l";

/**
 * Runs on the engine of V8 that never goes back in the text: an expression that needs that (`(?=a)`, `\1`,
 * huge repetitions) is refused, as is a bad one. Letter case counts only where the expression has a capital.
 */
export function linearPattern(text: string): Pattern {
  if (text.length > patternCharsMax) {
    throw refusal(`a regular expression has at most ${patternCharsMax} characters, not ${text.length}`);
  }
  // Only expressions that ask for it (`l`) run on it; what others do stays as it is.
  setFlagsFromString("--enable-experimental-regexp-engine");
  const ignoresCase = !/[A-Z]/.test(text.replace(/\\./gs, ""));
  const pattern = compiled(text);
  return {
    test(given) {
      const looked = given.length > textCharsMax ? given.slice(0, textCharsMax) : given;
      return pattern.test(ignoresCase ? looked.toLowerCase() : looked);
    },
  };
}

function compiled(text: string): RegExp {
  try {
    return new RegExp(text, linear);
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^.*: /s, "") : "it is none";
    const says = why.includes("linear")
      ? "it needs lookaround, a back reference or too many repetitions"
      : why;
    throw refusal(`the regular expression ${JSON.stringify(text)} cannot be used: ${says}`);
  }
}

function refusal(message: string): AgentFlowError {
  return new AgentFlowError("invalid_input", message, {
    reason: "invalid_pattern",
    suggestions: ["put \\ before a character that means itself: \\( \\[ \\. \\*"],
  });
}
