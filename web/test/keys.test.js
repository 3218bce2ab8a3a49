import assert from "node:assert/strict";
import test from "node:test";
import { dependents, keyName, named } from "../src/keys/words";
import { verdictText } from "../src/users/try-out";
import { STARTING_POINTS } from "../src/users/starting-points";

const stream = (name, key, ...older) => ({ name, kind: "data", key, older_keys: older });

test("what depends on a key, now and from before", () => {
  const all = [stream("a", "k"), stream("b", "other", "k"), stream("c", "other")];
  const { now, before } = dependents(all, "k");
  assert.deepEqual([now, before], [[all[0]], [all[1]]]);
  assert.equal(named(all), "a, b and c");
  assert.deepEqual([named([]), named([all[0]])], ["", "a"]);
  assert.equal(named(Array.from({ length: 8 }, () => all[0])), "a, a, a, a, a and 3 more");
});

test("a key is called by what its users called it", () => {
  const key = { KeyId: "id", Description: "words" };
  const alias = (AliasName, TargetKeyId = "id") => ({ AliasName, TargetKeyId });
  assert.equal(keyName(key, [alias("alias/aws/kinesis"), alias("alias/orders"), alias("alias/a", "another")]), "alias/orders");
  assert.equal(keyName(key, [alias("alias/aws/kinesis")]), "words");
  assert.equal(keyName({ ...key, Description: "" }, []), "id");
});

test("policies to begin with are policies", () => {
  for (const { text } of STARTING_POINTS) {
    const { Version, Statement } = JSON.parse(text);
    assert.equal(Version, "2012-10-17");
    assert.ok(Statement.every(({ Effect, Action, Resource }) => Effect === "Allow" && Action && Resource), text);
  }
});

test("what decides is named", () => {
  const because = { policy: "writes", statement: 0, sid: "All" };
  assert.equal(verdictText({ allowed: true, because }), "Yes: statement 0 (All) of the policy writes allows it.");
  assert.equal(verdictText({ allowed: false, because: { policy: null, statement: 2, sid: null } }), "No: statement 2 of the stream's own policy denies it.");
  assert.equal(verdictText({ allowed: false, because: null }), "No: no policy allows it.");
});
