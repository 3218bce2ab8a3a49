import static java.util.stream.Collectors.toList;

import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.GetRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.InvalidArgumentException;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;

/** The synchronous client of the SDK for Java 2, which speaks CBOR over HTTP/1.1. Usage: SyncClient ENDPOINT */
public final class SyncClient {
    private static final String STREAM = "java-sync";
    private static final int RECORDS = 1000;

    public static void main(String[] args) {
        try (KinesisClient kinesis = KinesisClient.builder()
                .endpointOverride(URI.create(args[0]))
                .region(Region.US_EAST_1)
                .httpClient(ApacheHttpClient.create())
                .build()) {
            kinesis.createStream(create -> create.streamName(STREAM).shardCount(3));
            kinesis.waiter().waitUntilStreamExists(describe -> describe.streamName(STREAM));
            Instant before = Instant.now().minus(Duration.ofSeconds(5));
            Records.put(kinesis, STREAM, 0, RECORDS / 2);
            Records.put(kinesis, STREAM, RECORDS / 2, RECORDS);
            readBack(kinesis, before);
            errors(kinesis);
        }
        System.out.println("ok " + RECORDS);
    }

    private static void readBack(KinesisClient kinesis, Instant before) {
        List<Shard> shards = kinesis.listShards(list -> list.streamName(STREAM)).shards();
        Records.expect(shards.size() == 3, "shards: " + shards);
        Map<String, Integer> last = new HashMap<>();
        int found = 0;
        for (Shard shard : shards) {
            String iterator = kinesis.getShardIterator(get -> get.streamName(STREAM)
                    .shardId(shard.shardId())
                    .shardIteratorType(ShardIteratorType.AT_TIMESTAMP)
                    .timestamp(before)).shardIterator();
            for (int turn = 0; turn < 50; turn++) {
                String from = iterator;
                GetRecordsResponse page = kinesis.getRecords(get -> get.shardIterator(from).limit(200));
                for (Record record : page.records()) {
                    check(record, before, last);
                    found++;
                }
                iterator = page.nextShardIterator();
                if (page.records().isEmpty() && page.millisBehindLatest() == 0) {
                    break;
                }
            }
        }
        Records.expect(found == RECORDS, "found " + found);
    }

    private static void check(Record record, Instant before, Map<String, Integer> last) {
        String[] said = record.data().asUtf8String().split(" ");
        Records.expect(said[0].equals(record.partitionKey()), "key of " + record);
        int number = Integer.parseInt(said[1]);
        Integer earlier = last.put(said[0], number);
        Records.expect(earlier == null || earlier < number, "order of " + record);
        Instant arrival = record.approximateArrivalTimestamp();
        Records.expect(arrival.isAfter(before) && arrival.isBefore(Instant.now().plusSeconds(5)), "time of " + record);
    }

    private static void errors(KinesisClient kinesis) {
        try {
            kinesis.describeStreamSummary(describe -> describe.streamName("nowhere"));
            throw new AssertionError("a stream that is not there was described");
        } catch (ResourceNotFoundException error) {
            Records.expect(error.awsErrorDetails().errorMessage().contains("nowhere"), "message: " + error);
        }
        try {
            kinesis.getRecords(get -> get.shardIterator("AAAAAAAAAAE="));
            throw new AssertionError("a forged iterator was taken");
        } catch (InvalidArgumentException error) {
            Records.expect(error.requestId() != null, "no request id");
        }
        List<String> names = kinesis.listStreamsPaginator().streamNames().stream().collect(toList());
        Records.expect(names.contains(STREAM), "streams: " + names);
    }
}
