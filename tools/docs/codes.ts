import { errorTable, exitCodes } from "@agentflow/protocol";
import { errorMeanings, exitMeanings } from "@agentflow/protocol/meanings";
import { code, generated, page, table } from "./markdown.ts";

const retries: { readonly [Retry in (typeof errorTable)[keyof typeof errorTable]["retry"]]: string } = {
  never: "no",
  after_login: "after logging in",
  backoff: "yes, waiting longer each time",
  reload: "after looking again",
  after_delay: "after `details.retryAfterMs`",
};

const body = {
  v: 1,
  ok: false,
  error: {
    code: "not_found",
    reason: "not_found",
    message: "there is no workflow triag",
    details: {},
    suggestions: ["did you mean triage?"],
  },
};

/** Every code of an error with what it means for a retry, HTTP and the exit status. */
export function errorsPage(): string {
  const rows = Object.entries(errorTable).map(([name, { retry, http, exit }]) => [
    code(name),
    String(Reflect.get(errorMeanings, name)),
    retries[retry],
    String(http),
    String(exit),
  ]);
  return page([
    "# Errors",
    generated,
    "Every error of AgentFlow has one of these codes, in the API, in the SDK and with `--json`. " +
      "The list is closed: rely on `code`. `reason` is a finer word under it and stable too; `message` is " +
      "for people and may change.",
    table(["Code", "What it means", "Try again?", "HTTP", "Exit code"], rows),
    "With `--json` an error is printed like this:",
    `\`\`\`json\n${JSON.stringify(body, null, 2)}\n\`\`\``,
    "A failure of a *step* is not an error of a command: it is recorded in the run. Its code is one " +
      "of these or the code of the error that a tool threw, and `retry.nonRetryable` and `catch` in a " +
      "workflow go by it.",
    "See also [exit codes](exit-codes.md).",
  ]);
}

/** Every exit code of `af`. */
export function exitCodesPage(): string {
  const outcomes = Object.entries(exitCodes).map(([name, exit]) => ({
    exit,
    name: words(name),
    means: String(Reflect.get(exitMeanings, name)),
  }));
  const errors = Object.entries(errorTable).map(([name, { exit }]) => ({
    exit,
    name: code(name),
    means: String(Reflect.get(errorMeanings, name)),
  }));
  const rows = [...outcomes, ...errors].toSorted((a, b) => a.exit - b.exit);
  return page([
    "# Exit codes",
    generated,
    "What `af` tells the shell. The codes are stable, so scripts may branch on them; `af help exit-codes` " +
      "prints them too.",
    table(
      ["Code", "Name", "What it means"],
      rows.map(({ exit, name, means }) => [String(exit), name, means]),
    ),
    "Codes 1 to 8 say that the command could not do its work; the names are [error codes](errors.md). " +
      "Codes 10 to 17 say that it could, and how it ended: with `--json` the answer is then `ok: true` and " +
      "`data` holds the state. 13 may be either, since a quota can stop a command as well as a run.",
    "```sh\naf run triage --input @ticket.json\ncase $? in\n  0) echo done ;;\n" +
      "  10) echo the run failed ;;\n  6|7) echo try again later ;;\nesac\n```",
  ]);
}

/** `runFailed` as "run failed". */
function words(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
