// npm within a build: certificates of this network are trusted as long as it runs, and stay nowhere.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/**
 * @param {string[]} words
 * @param {string} folder
 * @param {readonly string[]} certificates files that may hold them
 */
export function npm(words, folder, certificates = ["/run/build/ca.pem"]) {
  const environment = { ...process.env, NODE_ENV: undefined, npm_config_update_notifier: "false" };
  // A network that does not answer is said within seconds, not after two minutes.
  Object.assign(environment, {
    npm_config_fetch_retry_mintimeout: "1000",
    npm_config_fetch_retry_factor: "3",
  });
  const found = certificates.find((file) => existsSync(file));
  if (found !== undefined)
    Object.assign(environment, { NODE_EXTRA_CA_CERTS: found, npm_config_cafile: found });
  const { status, error } = spawnSync("npm", words, { cwd: folder, stdio: "inherit", env: environment });
  if (error !== undefined && "code" in error && error.code === "ENOENT") {
    process.stderr.write("the base image has no npm: set `images.base` of the target to one that has it\n");
  }
  if (status !== 0) process.exit(status ?? 1);
}
