/**
 * Loaded before `af server` by `--fence-off`, and nowhere else: commits of runs go out under another header
 * than the fence, so the log takes whatever comes last. The checker has to notice what that does.
 */
import { RawHeaders } from "../../packages/bus/dist/nats/raw-headers.js";
import { Link } from "../../packages/bus/dist/nats/link.js";

const run = /^af\.log\.\d\d\.[^.]+\.run\./;
const { request } = Link.prototype;

Link.prototype.request = function (subject, body, ask) {
  return run.test(subject)
    ? request.call(this, subject, body, { ...ask, headers: new RawHeaders("Bench-Fence: off\r\n") })
    : request.call(this, subject, body, ask);
};
