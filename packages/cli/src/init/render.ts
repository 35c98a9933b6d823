import { AgentFlowError } from "@agentflow/protocol";

const helpers = { if: true, each: true } as const;

/** A template's text with the project's values. An unknown name in it is an error, never an empty place. */
export async function renderTemplate(
  text: string,
  of: { readonly file: string; readonly values: { readonly [key: string]: string } },
): Promise<string> {
  const { default: Handlebars } = await import("handlebars");
  try {
    const template = Handlebars.compile(text, {
      strict: true,
      noEscape: true,
      knownHelpers: helpers,
      knownHelpersOnly: true,
    });
    return template(of.values);
  } catch (cause) {
    throw new AgentFlowError("internal", `the template's file ${of.file} cannot be rendered`, {
      reason: "broken_template",
      cause,
    });
  }
}
