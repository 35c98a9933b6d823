/** A certificate for the server of one test: self-signed, for loopback and the names it was asked for. */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

export interface Certificate {
  readonly keyPem: string;
  /** Its own authority. */
  readonly certPem: string;
}

export function selfSigned(names: readonly string[]): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(set(sequence(oid("550403"), der(0x0c, Buffer.from("test-cluster")))));
  const now = Date.now();
  const validity = sequence(time(now - 3600_000), time(now + 30 * 24 * 3600_000));
  const extensions = sequence(
    sequence(oid("551d13"), boolean(true), octets(sequence(boolean(true)))),
    sequence(oid("551d11"), octets(sequence(...names.map(alternative)))),
  );
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    name,
    validity,
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, extensions),
  );
  const signature = sign("sha256", body, privateKey);
  const whole = sequence(body, ecdsaWithSha256, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  const certPem = `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  return { certPem, keyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"));

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), body]);
  const head = length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), body]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function set(...parts: readonly Buffer[]): Buffer {
  return der(0x31, ...parts);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

function octets(part: Buffer): Buffer {
  return der(0x04, part);
}

function boolean(value: boolean): Buffer {
  return der(0x01, Buffer.from([value ? 255 : 0]));
}

function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes);
}

function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/\D/g, "").slice(0, 14);
  return der(0x18, Buffer.from(`${text}Z`));
}

function alternative(name: string): Buffer {
  if (isIP(name) === 4) return der(0x87, Buffer.from(name.split(".").map(Number)));
  return der(0x82, Buffer.from(name));
}
