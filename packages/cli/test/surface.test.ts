import { errorTable, exitCodes } from "@agentflow/protocol";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  approval,
  becomeAnotherRelease,
  hostile,
  recordedInstallation,
  type RecordedInstallation,
  runs,
} from "./recorded-installation.ts";
import { readCommandTable } from "../src/help/parse-command-table.ts";
import { type Ran, bin, runAf, wordsOf } from "./run-af.ts";

const table = readCommandTable();

let house: RecordedInstallation;
let empty: string;

beforeAll(async () => {
  house = await recordedInstallation();
  empty = mkdtempSync(path.join(tmpdir(), "af-empty-"));
});
afterAll(async () => {
  await house.close();
  rmSync(empty, { recursive: true, force: true });
});

const af = (...args: string[]): Promise<Ran> => runAf(args, { cwd: house.project });

/** What each example ends with, where it is not 0. What makes things stands in tests of its own. */
const exits: { readonly [example: string]: number } = {
  "af why @last": 8,
  "af why @last --json": 8,
  "af run resolve @last --as retry": 8,
  // The record's workers run other code.
  "af workflow register --wait 2m": 7,
  // There is no such key; what it does stands in tests of its own.
  "af workflow register --bus nats://nats:4222 --nkey r.nk --inbox _AF.register": 2,
  "af debug bus redrive --all --dry-run": 16,
  "af debug attach worker-default-1 --context docker": 6,
  "af debug attach shop-prod-worker --context k8s:staging/agents": 4,
  // It looks at the code of the project, and the record has none.
  "af tool inspect hello.greet --effective": 4,
  "af tool inspect hello.greet --effective --target prod": 4,
};
const makesThings = new Set([
  "init",
  "dev",
  "restore",
  "server",
  "worker",
  "sandbox",
  "bus:credentials",
  "bus:doctor",
  "bus:prepare",
  "up",
  "down",
  "deploy",
  "deploy:drain",
  "deploy:gc",
  "deploy:list",
  "deploy:rollback",
  "deploy:status",
  "scale",
  "restart",
  "doctor",
  "image:build",
  "image:list",
  "image:prune",
  "context:add",
  "context:use",
  "context:rm",
  "context:show",
  "secrets:set",
  "secrets:rm",
  "mock-llm",
  "mock-llm:record",
  "mock-llm:replay",
]);

describe("examples", () => {
  for (const entry of Object.values(table.commands).filter(({ id }) => !makesThings.has(id))) {
    test(`the examples of af ${entry.id.replaceAll(":", " ")} do what they say`, async () => {
      const examples = entry.examples ?? [];
      expect(examples.length).toBeGreaterThanOrEqual(2);
      for (const example of examples) {
        // What follows `@last` in the record is a run that still runs: watching it would not end.
        const words = wordsOf(
          example
            .replace("watch @last", `watch ${runs.done}`)
            .replace("KEY", "k1")
            .replace("--wait 2m", "--wait 10ms")
            // `af dev` calls its worker local, the record calls it w1.
            .replace("attach local", "attach w1")
            .replace("APPROVAL", approval),
        );
        const ran = await af(...words.slice(1));
        expect(`${example}: ${ran.code} ${ran.code === (exits[example] ?? 0) ? "" : ran.stderr}`.trim()).toBe(
          `${example}: ${exits[example] ?? 0}`,
        );
        if (words.includes("--json")) expectJson(ran.stdout);
      }
    });
  }
});

function expectJson(stdout: string): void {
  const lines = stdout.trim().split("\n");
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ v: 1 });
}

describe("errors", () => {
  test("an unknown command exits 2 and names the one that was meant", async () => {
    const ran = await af("statsu");
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain('there is no command "af statsu"');
    expect(ran.stderr).toContain("did you mean: af status");
  });

  test("an unknown flag exits 2 and names the one that was meant", async () => {
    const ran = await af("run", "list", "--limti", "3");
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain("did you mean: --limit");
  });

  test("an unknown workflow exits 4 and names the one that was meant", async () => {
    const ran = await af("run", "helo");
    expect(ran.code).toBe(4);
    expect(ran.stderr).toContain("did you mean: af run hello");
  });

  test("a command of af run that is mistyped is not only looked for among the workflows", async () => {
    expect((await af("run", "lst")).stderr).toContain("did you mean: af run list");
    expect((await af("version")).stderr).toContain("did you mean: af --version");
  });

  test("what is missing, or is none of the allowed words, is said with what to write", async () => {
    expect((await af("run")).stderr).toContain("Error: af run needs WORKFLOW: the workflow to run");
    const level = await af("logs", "--level", "wran");
    expect([level.code, level.stderr]).toEqual([2, expect.stringContaining("did you mean: warn")]);
  });

  test("a run that has ended is not cancelled, and it is said which one and how it ended", async () => {
    const { code, stderr } = await af("run", "cancel", runs.failed);
    expect(code).toBe(8);
    expect(stderr).toContain(`run ${runs.failed} of hello failed`);
    expect(stderr).toContain(`af run get ${runs.failed}`);
  });

  test("a key that another input has is told as a key", async () => {
    const { code, stderr } = await af("run", "hello", "--key", "k1", "--label", "team=taken");
    expect(code).toBe(8);
    expect(stderr).toContain('the key "k1" started a run before, with another workflow or input');
  });

  test("the next page is the same question", async () => {
    const { stderr } = await af("run", "list", "--limit", "3", "--status", "failed", "--since", "1h");
    expect(stderr).toContain("af run list --status failed --since 1h --limit 3 --cursor c3");
  });

  test("with --json an error is the envelope on stdout, and stderr stays empty", async () => {
    const ran = await af("statsu", "--json");
    expect(ran).toMatchObject({ code: 2, stderr: "" });
    expect(JSON.parse(ran.stdout)).toMatchObject({ v: 1, ok: false, error: { code: "invalid_input" } });
  });

  test("without an installation a command says so, and how to start one", async () => {
    const ran = await runAf(["run", "list"], { cwd: empty });
    expect(ran).toMatchObject({ code: errorTable.unavailable.exit, stdout: "" });
    expect(ran.stderr).toContain("af init");
    writeFileSync(path.join(empty, "agentflow.yaml"), "name: x\n");
    const stopped = await runAf(["run", "list"], { cwd: empty });
    expect(stopped.code).toBe(errorTable.unavailable.exit);
    expect(stopped.stderr).toMatch(/af dev is not running here[\s\S]*try {4}af dev/);
    rmSync(path.join(empty, "agentflow.yaml"));
  });

  test("an installation that does not answer is unavailable, and no retry goes on for long", async () => {
    const ran = await runAf(["status"], { cwd: empty, environment: { AF_URL: "http://127.0.0.1:1" } });
    expect(ran.code).toBe(errorTable.unavailable.exit);
    expect(ran.stderr).toContain("no answer from http://127.0.0.1:1");
  });

  test("a wrong token exits 5", async () => {
    const ran = await runAf(["status"], {
      cwd: empty,
      environment: { AF_URL: house.url, AF_TOKEN: "wrong" },
    });
    expect(ran.code).toBe(errorTable.unauthenticated.exit);
  });

  test("a project's token is not sent to another address", async () => {
    const before = house.asked.length;
    const ran = await runAf(["status", "--url", house.url.replace("127.0.0.1", "localhost")], {
      cwd: house.project,
    });
    expect(house.asked.length).toBeGreaterThan(before);
    expect(ran.code).toBe(errorTable.unauthenticated.exit);
  });

  test("a stack is shown with --debug alone", async () => {
    const plain = await af("run", "get", runs.done.replace(/.$/, "z"));
    const debug = await af("run", "get", runs.done.replace(/.$/, "z"), "--debug");
    expect(plain.stderr).not.toMatch(/^\s+at /m);
    expect(debug.stderr).toMatch(/^\s+at /m);
    expect(plain.code).toBe(4);
  });
});

describe("runs", () => {
  test("the result is all that stands on stdout; steps and summary go to stderr", async () => {
    const ran = await af("run", "hello", "name=Ada");
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout)).toEqual({ lines: ["Hello, Ada!"] });
    expect(ran.stderr).toMatch(/✓ greet\s+400ms/);
    expect(ran.stderr).toMatch(/✓ completed in /);
  });

  test("what stands on standard input is never taken for a word that was left out", async () => {
    const ran = await runAf(["logs", "--tail", "1"], { cwd: house.project, stdin: "no-such-run\n" });
    expect(ran.code).toBe(0);
  });

  test("input comes from keys, JSON, a file and standard input alike", async () => {
    const inputs: [string[], unknown, string?][] = [
      [["name=Ada"], { name: "Ada" }],
      [["n:=3", "deep:=[1]"], { n: 3, deep: [1] }],
      [["--input", '{"a":1}', "name=Ada"], { a: 1, name: "Ada" }],
      [["--input", "@ada.json"], { name: "Ada" }],
      [["--input", "-"], { from: "stdin" }, '{"from":"stdin"}'],
      [["__proto__=x"], JSON.parse('{"__proto__":"x"}')],
    ];
    for (const [words, expected, stdin = ""] of inputs) {
      const ran = await runAf(["run", "hello", "--detach", ...words], { cwd: house.project, stdin });
      expect(ran.code).toBe(0);
      const start = house.asked.findLast(({ method }) => method === "POST");
      expect(JSON.stringify(JSON.parse(start?.body ?? "{}").input)).toBe(JSON.stringify(expected));
    }
  });

  test("input that cannot be read exits 2 and sends nothing", async () => {
    const before = house.asked.length;
    for (const word of ["@none.json", "{broken", "plain"]) {
      expect((await af("run", "hello", "--input", word)).code).toBe(2);
    }
    expect(house.asked.length).toBe(before);
  });

  test("the same key makes the same run id", async () => {
    await af("run", "hello", "-d", "--key", "order-17");
    await af("run", "hello", "-d", "--key", "order-17");
    const [one, two] = house.asked.filter(({ method }) => method === "POST").slice(-2);
    expect(JSON.parse(one?.body ?? "{}").run).toMatch(/^r0000000000/);
    expect(one?.body).toBe(two?.body);
  });

  test("a unique beginning of an id is enough; one that is not unique lists the candidates", async () => {
    expect((await af("run", "get", "r02", "--json")).stdout).toContain(runs.stuck);
    const two = await af("run", "get", "r0123");
    expect(two.code).toBe(2);
    expect(two.stderr).toContain(runs.done);
    expect(two.stderr).toContain(runs.failed);
    expect((await af("run", "get", "r99")).code).toBe(4);
    expect((await af("run", "get", "../etc")).code).toBe(2);
  });

  test("Ctrl-C leaves the run alone and says how to come back and how to cancel", async () => {
    const ran = await runAf(["run", "watch", runs.stuck], {
      cwd: house.project,
      onStart: (pid) => setTimeout(() => process.kill(pid, "SIGINT"), 1_500),
    });
    expect(ran.code).toBe(130);
    expect(ran.stderr).toContain(`af run watch ${runs.stuck}`);
    expect(ran.stderr).toContain(`af run cancel ${runs.stuck}`);
  });

  test("waiting too long exits 7, says that the run goes on, and how to come back", async () => {
    const ran = await af("run", "slow", "--wait", "300ms");
    expect(ran.code).toBe(errorTable.timeout.exit);
    expect(ran.stderr).toContain("it goes on");
    expect(ran.stderr).toContain(`af run watch ${runs.stuck}`);
  });

  test("a run that is silent is asked what it waits for, which is said once", async () => {
    const ran = await runAf(["run", "watch", runs.stuck], {
      cwd: house.project,
      onStart: (pid) => setTimeout(() => process.kill(pid, "SIGINT"), 8_000),
    });
    expect(ran.stderr.match(/greet waits: no worker · af worker list/g)).toHaveLength(1);
  });

  test("watching a run ends with the run's exit code", async () => {
    expect((await af("run", "watch", runs.failed)).code).toBe(exitCodes.runFailed);
    const stream = await af("run", "watch", runs.done, "--json");
    const kinds = stream.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).kind);
    expect(kinds).toEqual(["event", "event", "event", "end"]);
  });

  test("following the logs of a run ends with the run and with its exit code", async () => {
    const before = house.asked.length;
    const followed = await af("logs", "--run", runs.failed, "-f");
    expect(followed.code).toBe(exitCodes.runFailed);
    expect(followed.stdout).toContain("pushed");
    // One stream and one wait: nothing is asked again while it follows.
    const asked = house.asked.slice(before).map(({ path }) => path.replace(/\?.*/, ""));
    expect(asked.filter((path) => path === "/v1/telemetry")).toHaveLength(1);
    expect(asked.filter((path) => path === "/v1/telemetry/stream")).toHaveLength(1);
  });

  test("a step is settled by the command that why names, word for word", async () => {
    const { code, stdout } = await af(
      "run",
      "resolve",
      runs.done,
      "greet",
      "--as",
      "done",
      "--output",
      "null",
    );
    expect([code, stdout]).toEqual([0, expect.stringContaining("step greet is settled as done")]);
  });

  test("done without an output is refused where the tool gives an object, with what to add", async () => {
    const { code, stderr } = await af("run", "resolve", runs.done, "greet", "--as", "done");
    expect(code).toBe(2);
    expect(stderr).toContain(`af run resolve ${runs.done} greet --as done --output '{"text": …}'`);
    expect((await af("run", "resolve", runs.done, "greet", "--as", "failed")).code).toBe(0);
  });

  test("a failure is said once, with the line that threw", async () => {
    const { code, stderr } = await af("run", "watch", runs.failed);
    expect(code).toBe(10);
    expect(stderr.match(/it broke/g)).toHaveLength(1);
    expect(stderr).toContain("(at tools/hello.ts:14:11)");
    expect((await af("run", "get", runs.failed)).stdout).toContain("(at tools/hello.ts:14:11)");
    expect((await af("logs")).stdout).toContain("(at tools/hello.ts:14:11)");
  });

  test("why ends with the code of what is wrong", async () => {
    const codes = [runs.done, runs.failed, runs.stuck].map(async (run) => (await af("why", run)).code);
    expect(await Promise.all(codes)).toEqual([0, 10, 8]);
  });
});

describe("another release", () => {
  test("what a server of another release does not know says so in one line, with both numbers", async () => {
    becomeAnotherRelease(true);
    const ran = await af("tool", "list");
    becomeAnotherRelease(false);
    expect(ran.code).toBe(4);
    const line = /try +the installation runs af 0\.9\.0, this is af [0-9.]+: use 0\.9\.0 for both\n/;
    expect(ran.stderr).toMatch(line);
    expect((await af("tool", "list")).stderr).toBe("");
  });
});

describe("what is shown", () => {
  test("text from outside reaches no terminal as control characters", async () => {
    const shown = [
      ["logs"],
      ["tool", "list"],
      ["why", runs.failed],
      ["run", "get", runs.failed],
      ["trace", runs.failed],
      ["audit"],
    ];
    for (const words of [...shown, ...shown.map((one) => [...one, "--json"])]) {
      const { stdout, stderr } = await af(...words);
      const all = stdout + stderr;
      expect(all.length).toBeGreaterThan(10);
      expect(all).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    }
    expect((await af("logs")).stdout).toContain(String.raw`second \x1b[2J\x1b]0;owned\x07\u202eevil`);
  });

  test("the audit trail says who was refused what, and how many more", async () => {
    const { stdout } = await af("audit", "--installation");
    expect(stdout).toMatch(/a worker of acme, w-1.* input +tenant_mismatch, and 4900 more +r/);
  });

  test("hostile text is whole in JSON", async () => {
    const { stdout } = await af("run", "get", runs.failed, "--json");
    expect(JSON.parse(stdout).data.failure.message).toBe(`it broke ${hostile}`);
  });

  test("logs are in the order of time", async () => {
    const { stdout } = await af("logs", "--with", "spans");
    expect(stdout.indexOf("first")).toBeLessThan(stdout.indexOf("second"));
    expect(stdout.indexOf("second")).toBeLessThan(stdout.indexOf("span fetch"));
  });

  test("runs begin and end between the logs, under the same filters", async () => {
    const all = (await af("logs", "-o", "logfmt")).stdout;
    expect(all).toMatch(/source=control-plane .*msg="run started" workflow=hello/);
    expect(all).toMatch(/level=warn source=control-plane .*msg="run failed: thrown: it broke/);
    const warn = (await af("logs", "-o", "logfmt", "--level", "warn")).stdout;
    expect(warn).toContain("run failed");
    expect(warn).not.toContain("run started");
    expect((await af("logs", "--source", "tool")).stdout).not.toContain("run started");
    const one = (await af("logs", "--run", runs.done, "-o", "logfmt")).stdout;
    expect(one).toContain(`run=${runs.done} msg="run completed"`);
    expect(one).not.toContain("run_completed");
  });

  test("run events stand between the logs on request", async () => {
    const { stdout } = await af("logs", "--run", runs.done, "--with", "state", "-o", "logfmt");
    expect(stdout).toContain("msg=step_succeeded");
    expect((await af("logs", "--with", "state")).code).toBe(2);
  });

  test("a trace draws waiting apart from work, lost attempts and mixed code", async () => {
    const { stdout } = await af("trace", runs.done);
    expect(stdout).toMatch(/░+▒+/);
    expect(stdout).toMatch(/░+█+/);
    expect(stdout).toContain("mixes code: aaaaaaaaaaaa, bbbbbbbbbbbb");
    expect(stdout).toContain("attempt 1 was lost");
    expect(stdout).toContain("fetch");
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("help fits 80 columns, and no colour is used off a terminal", async () => {
    const ids = Object.keys(table.commands).map((id) => id.split(":"));
    for (const words of [[], ...ids, ["exit-codes"]]) {
      const { stdout, code } = await af("help", ...words);
      expect(code).toBe(0);
      expect(stdout).not.toContain("\u001b");
      expect(stdout).not.toContain("\n\n\n");
      if (words[0] !== "completion") {
        const long = stdout.split("\n").filter((line) => line.length > 80);
        expect(long).toEqual([]);
      }
    }
    // A process for each command, on a machine that may have other work.
  }, 120_000);

  test("help shows what may be said several times, and what lies below two words", async () => {
    expect((await af("help", "scale")).stdout).toContain("Usage  af scale POOL=N… [FLAGS]");
    expect((await af("help", "restart")).stdout).toContain("Usage  af restart [PART…] [FLAGS]");
    expect((await af("help", "restart")).stdout).toContain("longest wait [5m]\n");
    expect((await af("help", "run")).stdout).toContain("Usage  af run WORKFLOW [KEY=VALUE…] [FLAGS]");
    const { stdout } = await af("debug", "bus", "--help");
    expect(stdout).toMatch(/^Commands of af debug bus\n[^]*af debug bus redrive/);
    expect(stdout).not.toContain("af debug attach");
    const incomplete = await af("debug", "bus");
    expect([incomplete.code, incomplete.stderr]).toEqual([2, expect.stringContaining("af debug bus dead")]);
  });

  test("FORCE_COLOR colours, NO_COLOR and --no-color win over it", async () => {
    const environment = { FORCE_COLOR: "1" };
    const coloured = await runAf(["run", "list"], { cwd: house.project, environment });
    const flag = await runAf(["run", "list", "--no-color"], { cwd: house.project, environment });
    const no = await runAf(["run", "list"], {
      cwd: house.project,
      environment: { ...environment, NO_COLOR: "1" },
    });
    expect(coloured.stdout).toContain("\u001b[");
    expect(flag.stdout + no.stdout).not.toContain("\u001b");
  });

  test("completion knows commands, flags, values and names", async () => {
    const completed = async (...words: string[]): Promise<string[]> =>
      (await af("__complete", "--", ...words)).stdout.trim().split("\n");
    expect(await completed("sta")).toEqual(["status"]);
    expect(await completed("run", "")).toEqual(expect.arrayContaining(["list", "watch", "hello"]));
    expect(await completed("run", "get", "r02")).toEqual([runs.stuck]);
    expect(await completed("logs", "--level", "wa")).toEqual(["warn"]);
    expect(await completed("run", "hello", "--det")).toEqual(["--detach"]);
    expect((await runAf(["__complete", "--", "run", "get", ""], { cwd: empty })).stderr).toBe("");
  });

  test("the completion script completes in bash", async () => {
    const script = (await af("completion", "bash")).stdout;
    const ask = `COMP_WORDS=("$1" run get r02); COMP_CWORD=3; _af_complete; echo "\${COMPREPLY[@]}"`;
    const args = ["--norc", "-c", `${script}\n${ask}`, "bash", bin];
    const env = { PATH: `${path.dirname(process.execPath)}:${process.env["PATH"] ?? ""}` };
    const { stdout, stderr } = await promisify(execFile)("bash", args, { cwd: house.project, env });
    expect({ stdout, stderr }).toEqual({ stdout: `${runs.stuck}\n`, stderr: "" });
  });

  test("a mutation that cannot be undone is not done without --yes where nobody can be asked", async () => {
    const before = house.asked.filter(({ method }) => method === "DELETE").length;
    const ran = await af("key", "revoke", "k1");
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain("--yes");
    expect(house.asked.filter(({ method }) => method === "DELETE").length).toBe(before);
  });

  test("every exit code of the errors table is in the help", async () => {
    const { stdout } = await af("help", "exit-codes", "--json");
    const codes: { code: number; errors: string[] }[] = JSON.parse(stdout).data.exitCodes;
    for (const [name, { exit }] of Object.entries(errorTable)) {
      expect(codes.find(({ code }) => code === exit)?.errors).toContain(name);
    }
  });
});

describe("approvals", () => {
  const decided = () =>
    house.asked.filter(({ method, path: to }) => method === "POST" && to.endsWith(approval));

  test("are shown word for word, harmless, with nothing cut", async () => {
    const ran = await af("approvals", "show", approval);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain("irreversible: it cannot be taken back");
    expect(ran.stdout).toContain("a".repeat(64));
    expect(ran.stdout).toContain("│ Dear Ada,");
    expect(ran.stdout).toContain("copies  2");
    expect(ran.stdout).not.toContain("\u001b");
    expect(ran.stderr).toContain(`af approvals approve ${approval}`);
  });

  test("are not decided where nobody can be asked, unless it is said: exits 2", async () => {
    const before = decided().length;
    const ran = await af("approvals", "approve", approval);
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain("--yes");
    expect(decided().length).toBe(before);
  });

  test("are answered by the hash that was just shown, or by the one that is given", async () => {
    const ran = await af("approvals", "approve", approval, "--yes", "--comment", "fine");
    expect(ran.stdout).toContain("is approved");
    const asked = decided().at(-1);
    expect(JSON.parse(asked?.body ?? "{}")).toMatchObject({
      hash: "a".repeat(64),
      approve: true,
      comment: "fine",
    });
    const other = await af("approvals", "deny", approval, "--hash", "b".repeat(64));
    expect(other.code).toBe(8);
    expect(other.stderr).toContain("what was approved is not what is asked");
  });

  test("one can be named by its beginning or by its run", async () => {
    for (const name of [approval.slice(0, 9), runs.stuck]) {
      expect((await af("approvals", "show", name, "--json")).stdout).toContain(approval);
    }
    expect(await af("approvals", "show", "rzz")).toMatchObject({ code: 4 });
  });

  test("a run shows what it used up and what it asks", async () => {
    const ran = await af("run", "get", runs.stuck);
    expect(ran.stdout).toContain("1200 tokens in, 80 out, 3 model calls, 2 tool calls, $0.0042");
    expect(ran.stdout).toContain(`af approvals show ${approval}`);
  });
});
