import { expect, test } from "vitest";
import { Flights } from "./flights.ts";

test("an append in flight holds back what may lie above it in its lane, and nothing of the others", () => {
  const flights = new Flights(3);
  for (const revision of [30, 31, 32]) flights.ack(revision);
  const first = flights.begin(1);
  for (const revision of [60, 61, 62]) flights.ack(revision);
  expect(flights.handedOn()).toEqual([60, 31, 62]);
  const unread = flights.begin(2, 46);
  expect(flights.handedOn()).toEqual([60, 31, 46]);
  flights.land(first);
  expect(flights.handedOn()).toEqual([60, 61, 46]);
  flights.land(unread);
  expect(flights.handedOn()).toEqual([60, 61, 62]);
});

test("what was acknowledged in a lane that lost its end is not there any more", () => {
  const flights = new Flights(2);
  for (const revision of [20, 21]) flights.ack(revision);
  flights.rewind([12, 31]);
  expect(flights.handedOn()).toEqual([12, 21]);
});
