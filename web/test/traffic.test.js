import assert from "node:assert/strict";
import test from "node:test";
import { latest, latestAge, perSecond, rates, sum } from "../src/data/traffic";
import { runs } from "../src/pieces/graph";

test("rates of steps", () => {
  assert.deepEqual(rates([10, 0, 25], 5), [2, 0, 5]);
  assert.equal(latest(rates([10, 0, 25], 5)), 5);
  assert.equal(latest(rates(undefined, 5)), 0);
  assert.deepEqual(sum([1, 2], [3, 4]), [4, 6]);
  assert.deepEqual([sum([1], undefined), sum(undefined, [1]), sum(undefined, undefined)], [[1], [1], undefined]);
});

test("the iterator age is what was read last", () => {
  assert.equal(latestAge([1, 70, null, null]), 70);
  assert.equal(latestAge([1, 0, null]), 0, "none is not the same as not known");
  assert.deepEqual([latestAge([null]), latestAge(undefined)], [null, null]);
});

test("rates in words", () => {
  assert.deepEqual([0, 0.4, 2, 12.3, 999, 10_000, 104_200].map((rate) => perSecond(rate)), [
    "0/s", "0.4/s", "2/s", "12/s", "999/s", "10 k/s", "104 k/s",
  ]);
  assert.equal(perSecond(12.3, "records"), "12 records/s");
});

test("a graph has holes where nothing is known", () => {
  assert.deepEqual(runs([null, 1, 2, null, 3]), [{ from: 1, run: [1, 2] }, { from: 4, run: [3] }]);
  assert.deepEqual(runs([]), []);
});
