import { describe, expect, test } from "vitest";
import { blobBytesMax } from "../port/index.ts";
import { blobKey, type Kit, present, range, refused, utf8 } from "./kit.ts";

export function blobsContract(kit: Kit): void {
  describe("blobs", () => {
    test("bytes come back as they were put, whatever they are", async () => {
      const { blobs } = await kit.bus();
      const samples = [
        new Uint8Array(0),
        Uint8Array.from(range(256)),
        utf8("text ☃"),
        new Uint8Array(3_000_000).fill(7),
      ];
      for (const bytes of samples) {
        await blobs.put(blobKey(bytes), bytes);
        const back = present(await blobs.get(blobKey(bytes)), "the blob");
        expect(Buffer.compare(back, bytes)).toBe(0);
      }
    });

    test("what is not there is undefined", async () => {
      const { blobs } = await kit.bus();
      expect(await blobs.get(blobKey(utf8("never put")))).toBeUndefined();
    });

    test("bytes that do not have the key's hash are refused, and nothing is kept", async () => {
      const { blobs } = await kit.bus();
      const key = blobKey(utf8("right"));
      await refused("invalid_input", () => blobs.put(key, utf8("wrong")));
      expect(await blobs.get(key)).toBeUndefined();
      await blobs.put(key, utf8("right"));
      await refused("invalid_input", () => blobs.put(key, utf8("wrong")));
      expect(Buffer.from(present(await blobs.get(key), "the blob")).toString()).toBe("right");
    });

    test("the same key again changes nothing, also many at once", async () => {
      const { blobs } = await kit.bus();
      const bytes = utf8("same");
      await Promise.all(range(20).map(() => blobs.put(blobKey(bytes), bytes)));
      await blobs.put(blobKey(bytes), bytes);
      expect(await blobs.list("acme/")).toEqual([blobKey(bytes)]);
    });

    test("changing the bytes that were given or received does not change the blob", async () => {
      const { blobs } = await kit.bus();
      const given = utf8("original");
      const key = blobKey(given);
      const putting = blobs.put(key, given);
      await putting;
      given.fill(0);
      const received = present(await blobs.get(key), "the blob");
      received.fill(0);
      expect(Buffer.from(present(await blobs.get(key), "the blob")).toString()).toBe("original");
    });

    test("a blob over 64 MiB is refused before anything is kept", async () => {
      const { blobs } = await kit.bus();
      const key = `acme/_def/${"0".repeat(64)}`;
      await refused("limit_exceeded", () => blobs.put(key, new Uint8Array(blobBytesMax + 1)));
      expect(await blobs.list("")).toEqual([]);
    });

    test("a list gives the keys below a prefix, sorted, and goes on behind a key", async () => {
      const { blobs } = await kit.bus();
      const put = async (text: string, folder: string): Promise<string> => {
        await blobs.put(blobKey(utf8(text), folder), utf8(text));
        return blobKey(utf8(text), folder);
      };
      const defs = (await Promise.all(range(9).map((n) => put(`${n}`, "acme/_def")))).sort();
      const other = await put("0", "acme2/_def");
      const archived = await put("0", "acme/_archive");
      expect(await blobs.list("acme/_def/")).toEqual(defs);
      expect(await blobs.list("acme/")).toEqual([archived, ...defs]);
      expect(await blobs.list("acme")).toEqual([archived, ...defs, other]);
      expect(await blobs.list("acme/_def/", { after: defs[3] ?? "" })).toEqual(defs.slice(4));
      expect(await blobs.list("nobody/")).toEqual([]);
    });

    test("a deleted blob is gone, others are not, and deleting again is no error", async () => {
      const { blobs } = await kit.bus();
      for (const text of ["a", "b"]) await blobs.put(blobKey(utf8(text)), utf8(text));
      await blobs.delete(blobKey(utf8("a")));
      await blobs.delete(blobKey(utf8("a")));
      expect(await blobs.get(blobKey(utf8("a")))).toBeUndefined();
      expect(await blobs.list("")).toEqual([blobKey(utf8("b"))]);
    });

    test("the same content under two tenants is two blobs", async () => {
      const { blobs } = await kit.bus();
      const bytes = utf8("shared");
      await blobs.put(blobKey(bytes, "acme/_def"), bytes);
      expect(await blobs.get(blobKey(bytes, "other/_def"))).toBeUndefined();
      await blobs.put(blobKey(bytes, "other/_def"), bytes);
      await blobs.delete(blobKey(bytes, "acme/_def"));
      expect(await blobs.get(blobKey(bytes, "other/_def"))).toBeDefined();
    });

    test.skipIf(kit.lacks("corruptBlob"))(
      "a blob that changed on its disk is an error, not bytes",
      async () => {
        const opened = await kit.open();
        const bytes = utf8("precious");
        await opened.bus.blobs.put(blobKey(bytes), bytes);
        await present(opened.faults?.corruptBlob, "corruptBlob")(blobKey(bytes));
        await refused("internal", () => opened.bus.blobs.get(blobKey(bytes)));
      },
    );
  });
}
