"""Records that a producer library has aggregated come back as they were put, and are taken apart again."""
import base64

from aws_kinesis_agg.aggregator import RecordAggregator
from aws_kinesis_agg.deaggregator import deaggregate_records
from kinesis_client import client, create, iterator, read, same, shards_of

STREAM = "aggregated"
KEYS = 7
RECORDS = 3000


def main():
    kinesis = client()
    create(kinesis, STREAM, shards=1)
    aggregator = RecordAggregator(max_size=51200)
    aggregates = []
    for number in range(RECORDS):
        full = aggregator.add_user_record(f"key-{number % KEYS}", f"record {number}".encode() * 4, None)
        if full:
            aggregates.append(full)
    aggregates.append(aggregator.clear_and_get())
    for aggregate in aggregates:
        key, hash_key, data = aggregate.get_contents()
        kinesis.put_record(StreamName=STREAM, PartitionKey=key, ExplicitHashKey=hash_key, Data=data)
    records = read(kinesis, iterator(kinesis, STREAM, shards_of(kinesis, STREAM)[0]))
    same(len(records), len(aggregates))
    events = [
        {"kinesis": {
            "kinesisSchemaVersion": "1.0", "sequenceNumber": record["SequenceNumber"], "partitionKey": record["PartitionKey"],
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
        }}
        for record in records
    ]
    users = deaggregate_records(events)
    same(len(users), RECORDS)
    for number, user in enumerate(users):
        same(user["kinesis"]["partitionKey"], f"key-{number % KEYS}")
        data = base64.b64decode(user["kinesis"]["data"])
        same(data, f"record {number}".encode() * 4)
    print(f"{RECORDS} records in {len(records)} aggregates")


if __name__ == "__main__":
    main()
