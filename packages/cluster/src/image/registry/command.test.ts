import { describe, expect, test } from "vitest";
import { parseCommand } from "./command.ts";

const image = "agentflow/triage:0f3a";

describe("imageLoad without a shell", () => {
  test.for([
    ["kind load docker-image {image}", ["kind", "load", "docker-image", image]],
    ["  k3d  image import {image} -c dev ", ["k3d", "image", "import", image, "-c", "dev"]],
    ["load --image={image}", ["load", `--image=${image}`]],
    [`"/opt/my tools/load" '{image}' ""`, ["/opt/my tools/load", image, ""]],
    [String.raw`load a\ b {image} "say \"hi\""`, ["load", "a b", image, 'say "hi"']],
    [String.raw`load \$HOME {image} '$x'`, ["load", "$HOME", image, "$x"]],
  ] as const)("%s", ([command, words]) => {
    expect(parseCommand(command)(image)).toEqual(words);
  });

  test("what an image is called is never words", () => {
    expect(parseCommand("load {image}")("a; rm -rf $HOME 'x")).toEqual(["load", "a; rm -rf $HOME 'x"]);
  });
});

describe("imageLoad with a shell", () => {
  test.for([
    ["docker save {image} | ssh node ctr import -", 'docker save "${1}" | ssh node ctr import -'],
    ['X="{image}" && load "$X"', 'X="${1}" && load "$X"'],
    [String.raw`echo \" {image} > log`, String.raw`echo \" "${"${1}"}" > log`],
    ["load {image} $CLUSTER {image}", 'load "${1}" $CLUSTER "${1}"'],
  ] as const)("%s", ([command, script]) => {
    expect(parseCommand(command)(image)).toEqual(["/bin/sh", "-c", script, "imageLoad", image]);
  });
});

describe("imageLoad that cannot be meant", () => {
  test.for([
    ["kind load docker-image", /names no \{image\}/],
    ["{image}", /begins with no program/],
    ["load '{image}' | cat", /stands in single quotes/],
    ["load 'a {image}", /a quote in it has no end/],
  ] as const)("%s", ([command, why]) => {
    expect(() => parseCommand(command)).toThrow(why);
  });
});
