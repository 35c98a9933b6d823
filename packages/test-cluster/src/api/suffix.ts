import { randomBytes } from "node:crypto";

const letters = "bcdfghjklmnpqrstvwxz2456789";

/** Five letters that cannot be mistaken for each other, nor make a word. */
export function nameSuffix(): string {
  return [...randomBytes(5)].map((byte) => letters[byte % letters.length]).join("");
}
