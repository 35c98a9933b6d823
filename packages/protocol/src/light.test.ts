import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

// Whoever starts often (the command line, runners) imports this package; zod alone would cost more than
// all else.
test("the package's main door loads no schema library: neither zod nor src/schema", () => {
  const script = `
    import { registerHooks } from "node:module";
    const seen = [];
    registerHooks({ load(url, context, next) { seen.push(url); return next(url, context); } });
    await import(${JSON.stringify(join(import.meta.dirname, "index.ts"))});
    process.stdout.write(JSON.stringify(seen));
  `;
  const child = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  expect(child.stderr).toBe("");
  const loaded: string[] = JSON.parse(child.stdout);
  expect(loaded.some((url) => url.endsWith("/protocol/src/ids.ts"))).toBe(true);
  expect(loaded.filter((url) => /\/zod\/|\/src\/schema\//.test(url))).toEqual([]);
});

test("nothing that the main door reaches imports a package or a part of Node", () => {
  const foreign: string[] = [];
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(/\bfrom "([^"]+)"/g)) {
      if (specifier.startsWith(".")) visit(join(dirname(file), specifier));
      else foreign.push(`${file}: ${specifier}`);
    }
  };
  visit(join(import.meta.dirname, "index.ts"));
  expect(seen.size).toBeGreaterThan(15);
  expect(foreign).toEqual([]);
});
