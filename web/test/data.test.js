import assert from "node:assert/strict";
import test from "node:test";
import { errorFromBody } from "../src/api/error";
import { isOpen, middle, nextOpen, offset, rows, shortName, width } from "../src/data/hash-space";
import { bytesOf, shown } from "../src/data/payload";

const SPACE = 1n << 128n;

function shard(index, first, last, closed = false) {
  return {
    ShardId: `shardId-${String(index).padStart(12, "0")}`,
    HashKeyRange: { StartingHashKey: String(first), EndingHashKey: String(last) },
    SequenceNumberRange: { StartingSequenceNumber: "1", ...(closed ? { EndingSequenceNumber: "2" } : {}) },
  };
}

const whole = shard(0, 0n, SPACE - 1n, true);
const lower = shard(1, 0n, SPACE / 2n - 1n);
const upper = shard(2, SPACE / 2n, SPACE - 1n);

test("shards have their share of the hash keys", () => {
  assert.deepEqual([offset(whole), width(whole)], [0, 1]);
  assert.deepEqual([offset(upper), width(upper)], [0.5, 0.5]);
  assert.deepEqual([whole, lower].map(isOpen), [false, true]);
  assert.equal(middle(whole), String(SPACE / 2n));
  assert.equal(middle(shard(3, 5n, 6n)), null, "the service would refuse it");
  assert.equal(middle(shard(3, 5n, 9n)), "7");
});

test("neighbours and rows", () => {
  const all = [whole, upper, lower];
  assert.equal(nextOpen(lower, all), upper);
  assert.equal(nextOpen(upper, all), null);
  assert.deepEqual(rows(all), [[lower, upper], [whole]]);
  const again = [whole, shard(1, 0n, SPACE / 2n - 1n, true), upper, shard(3, 0n, 9n), shard(4, 10n, SPACE / 2n - 1n)];
  assert.deepEqual(rows(again).map((row) => row.map((each) => shortName(each.ShardId))), [["3", "4", "2"], ["1"], ["0"]]);
  assert.deepEqual(rows([]), []);
});

test("data as text and as hex", () => {
  assert.equal(shown(bytesOf("aGnigqw="), "text"), "hi€");
  assert.equal(shown(bytesOf("aAAK/w=="), "text"), "h\u{fffd}\n\u{fffd}");
  assert.equal(shown(bytesOf("AP8K"), "hex"), "00 ff 0a");
  assert.equal(shown(new Uint8Array(5000).fill(97), "text").length, 4097);
});

test("errors of data streams speak in the service's words", () => {
  const error = errorFromBody(400, '{"__type":"ResourceNotFoundException","message":"Stream x not found."}');
  assert.deepEqual([error.status, error.code, error.message], [400, "ResourceNotFoundException", "Stream x not found."]);
});
