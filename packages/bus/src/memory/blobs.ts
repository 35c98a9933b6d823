import { createHash } from "node:crypto";
import { AgentFlowError } from "@agentflow/protocol";
import { checkBlobKey, checkBlobPrefix, checkBlobSize, wrongHash } from "../port/check.ts";
import type { Blobs } from "../port/index.ts";
import type { Link } from "./link.ts";

const listMax = 10_000;

export function memoryBlobs(stored: Map<string, Uint8Array>, link: Link): Blobs {
  return {
    put: async (key, bytes) => {
      const hash = checkBlobKey(key);
      checkBlobSize(bytes.length);
      if (sha256(bytes) !== hash) throw wrongHash(key);
      const kept = bytes.slice();
      await link.call("blob_put", () => void stored.set(key, kept));
    },
    get: async (key) => {
      const hash = checkBlobKey(key);
      const bytes = await link.call("blob_get", () => stored.get(key)?.slice());
      if (bytes !== undefined && sha256(bytes) !== hash) {
        throw new AgentFlowError("internal", `the blob ${key} has changed since it was written`, {
          reason: "wrong_hash",
        });
      }
      return bytes;
    },
    delete: async (key) => {
      checkBlobKey(key);
      await link.call("blob_put", () => stored.delete(key));
    },
    list: async (prefix, { after = "" } = {}) => {
      checkBlobPrefix(prefix);
      return link.call("blob_get", () =>
        [...stored.keys()]
          .filter((key) => key.startsWith(prefix) && key > after)
          .sort((a, b) => (a < b ? -1 : 1))
          .slice(0, listMax),
      );
    },
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
