// Asks a service of its own container how it is: node health.js PORT PATH. Ends with 0 when it is well.
// Read as either kind of module: nothing beside it says which it is.
const { get } = process.getBuiltinModule("node:http");

const [port, path] = process.argv.slice(2);
const request = get({ host: "127.0.0.1", port, path, timeout: 2_000, agent: false }, (response) => {
  process.exit(response.statusCode === 200 ? 0 : 1);
});
request.on("timeout", () => process.exit(1));
request.on("error", () => process.exit(1));
