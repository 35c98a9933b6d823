import { expect, test } from "vitest";
import { readCommandTable } from "./help/parse-command-table.ts";
import { usageMessage } from "./usage-message.ts";

const { commands } = readCommandTable();

test.each([
  [
    "run",
    "Missing 1 required arg:\nworkflow  the workflow to run",
    "af run needs WORKFLOW: the workflow to run",
  ],
  [
    "completion",
    "Missing 1 required arg:\nshell  (bash|zsh|fish) bash, zsh or fish",
    "af completion needs SHELL: bash, zsh or fish",
  ],
  [
    "key:create",
    "Missing 1 required arg:\nname  what the key is for\n\nNote: --scope allows multiple values. So",
    "af key create needs NAME: what the key is for",
  ],
  ["dev", "Unexpected argument: extra", 'af dev does not take "extra"'],
  ["run:get", "Nonexistent flag: --jsn", "af run get has no flag --jsn"],
  ["logs", "Expected --level=loud to be one of: info, warn", '--level takes one of info, warn, not "loud"'],
  ["completion", "Expected tcsh to be one of: bash, zsh", 'af completion takes one of bash, zsh, not "tcsh"'],
  [
    "run:list",
    "Parsing --limit \n\tExpected an integer less than or equal to 5 but received: 9",
    "--limit takes an integer less than or equal to 5, not 9",
  ],
  ["run:list", "Flag --limit expects a value", "--limit needs a value after it"],
  [
    "run:resolve",
    "The following error occurred:\n  Missing required flag as\nSee more help with --help",
    "--as is missing: what became of it (done, failed, retry)",
  ],
  [
    "run",
    "The following error occurred:\n  --detach=true cannot also be provided when using --wait",
    "--detach and --wait exclude each other",
  ],
  ["run", "Something new\nSee more help with --help", "Something new"],
])("af %s: %j is told as a person would", (id, text, message) => {
  expect(usageMessage(text, commands[id]).message).toBe(message);
});

test("a word that is none of the allowed ones comes back with those", () => {
  const { mistaken } = usageMessage("Expected --level=wran to be one of: info, warn", undefined);
  expect(mistaken).toEqual({ word: "wran", allowed: ["info", "warn"] });
});
