import { expect, test } from "vitest";
import { type OtlpSettings, otlpTarget } from "./otlp.ts";

const none: OtlpSettings = { headers: {} };
const ask = (environment: Record<string, string>, settings = none) =>
  otlpTarget({ environment, settings, secret: (name) => (name === "otlp-key" ? "k3y" : undefined) });

test("nothing is exported unless somebody says where to", () => {
  expect(ask({})).toBeUndefined();
  expect(ask({ OTEL_EXPORTER_OTLP_ENDPOINT: "  " })).toBeUndefined();
});

test.each([
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318/" }, "http://localhost:4318/v1/traces"],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://localhost:4318/mine" }, "http://localhost:4318/mine"],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://[::1]:4318", OTEL_SDK_DISABLED: "true" }, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://[::1]:4318", OTEL_TRACES_EXPORTER: "none" }, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://[::1]:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, undefined],
])("the variables of OpenTelemetry mean what they mean elsewhere: %j", (environment, url) => {
  expect(ask(environment)?.url).toBe(url);
});

test("a setting comes before the variables, and its headers may name secrets", () => {
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://elsewhere:4318" };
  const settings = {
    endpoint: "https://otel.example.com/v1/traces",
    headers: { Authorization: "Bearer secret://otlp-key", "x-team": "a" },
  };
  expect(ask(environment, settings)).toEqual({
    url: "https://otel.example.com/v1/traces",
    headers: { authorization: "Bearer k3y", "x-team": "a" },
  });
  const unset = { ...settings, headers: { authorization: "secret://other" } };
  expect(() => ask({}, unset)).toThrow("there is no secret other");
});

test("headers of a variable are read as a URL writes them", () => {
  const environment = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "https://otel.example.com",
    OTEL_EXPORTER_OTLP_HEADERS: "Authorization=Basic%20abc=, x-a = 1,broken",
  };
  expect(ask(environment)?.headers).toEqual({ authorization: "Basic abc=", "x-a": "1" });
});

test("a key never travels in the clear to another machine, and what is no address is refused", () => {
  const settings = { endpoint: "http://otel.example.com:4318", headers: { authorization: "x" } };
  expect(() => ask({}, settings)).toThrow("in the clear to otel.example.com:4318");
  expect(ask({}, { ...settings, endpoint: "http://127.0.0.1:4318" })).toBeDefined();
  expect(ask({}, { ...settings, headers: {} })).toBeDefined();
  expect(() => ask({}, { endpoint: "4318", headers: {} })).toThrow("is no address");
});
