/** What JetStream refuses for want of room, with what brings it back. */
import { expect, test } from "vitest";
import { fromApi } from "./errors.ts";

test.each([
  // A server takes its limit from the room on its disk when it starts: room that came later it does not see.
  [
    10_047,
    "insufficient storage resources available",
    "storage_full",
    /make room .*restart that server .*af restart nats/,
  ],
  [10_023, "insufficient resources", "storage_full", /more storage; work goes on by itself/],
  // On a full disk: why, it writes to its own log alone.
  [10_049, "error creating store for stream", "storage_failed", /make room .*, then restart that server/],
  [10_012, "error creating store for consumer", "storage_failed", /make room .*, then restart that server/],
])("%i %s is %s, and says what helps", (number, description, reason, next) => {
  const error = fromApi({ code: 500, number, description }, "making AF_DEAD");
  expect(error).toMatchObject({ code: "unavailable", reason });
  expect(error.suggestions).toContainEqual(expect.stringMatching(next));
});

test("a stream that is refused for another reason is a fault of ours", () => {
  const error = fromApi({ code: 500, number: 10_049, description: "bad subject" }, "making AF_DEAD");
  expect(error).toMatchObject({ code: "internal", reason: "nats_refused" });
});
