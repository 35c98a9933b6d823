import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { startTestCluster } from "../../src/index.ts";
import { listAt, textAt } from "../../src/json.ts";
import { parseJson } from "../../src/parse.ts";
import { replay } from "./story.ts";

replay({
  folder: "02-openapi",
  leftOut: [
    {
      of: "01",
      // What is there of these is compared: only their absence is let pass.
      paths: [
        "paths{api}",
        "paths{apis}",
        "paths{apis/*}",
        "paths{openid*}",
        "paths{.well-known*}",
        "paths{version}",
      ],
      why: "no document was recorded of other groups, nor of the paths that are no resources",
    },
  ],
});

const fixtures = join(import.meta.dirname, "../../fixtures/transcripts");

test("each recorded document is served where the index says, byte for byte and with its etag", async () => {
  const cluster = await startTestCluster({ plain: true });
  try {
    const headers = { authorization: `Bearer ${cluster.adminToken}` };
    const ask = async (path: string) => fetch(new URL(path, cluster.server), { headers });
    const index = parseJson(await (await ask("/openapi/v3")).text());
    const recorded = parseJson(readFileSync(join(fixtures, "02-openapi/02-documents.json"), "utf8"));
    const documents = listAt(recorded, "documents");
    expect(documents).toHaveLength(10);
    for (const one of documents) {
      const group = textAt(one, "group") ?? "";
      const answer = await ask(textAt(index, "paths", group, "serverRelativeURL") ?? "");
      expect(answer.headers.get("etag"), group).toBe(textAt(one, "headers", "etag"));
      const bytes = readFileSync(join(fixtures, textAt(one, "file") ?? ""));
      const text = bytes[0] === 0x1f ? gunzipSync(bytes).toString() : bytes.toString();
      expect((await answer.text()) === text, group).toBe(true);
    }
  } finally {
    await cluster.stop();
  }
});
