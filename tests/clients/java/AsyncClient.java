import java.net.URI;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.ConsumerStatus;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEvent;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;

/**
 * The asynchronous client of the SDK for Java 2, which opens HTTP/2 with prior knowledge; subscribes to every shard and sees
 * what was put before and what is put meanwhile. Usage: AsyncClient ENDPOINT
 */
public final class AsyncClient {
    private static final String STREAM = "java-async";
    private static final int RECORDS = 1000;

    public static void main(String[] args) throws Exception {
        try (KinesisAsyncClient kinesis = KinesisAsyncClient.builder()
                .endpointOverride(URI.create(args[0]))
                .region(Region.US_EAST_1)
                .build()) {
            kinesis.createStream(create -> create.streamName(STREAM).shardCount(2)).get(20, TimeUnit.SECONDS);
            kinesis.waiter().waitUntilStreamExists(describe -> describe.streamName(STREAM)).get(60, TimeUnit.SECONDS);
            put(kinesis, 0, RECORDS / 2);
            subscribe(kinesis);
        }
        System.out.println("ok " + RECORDS);
    }

    private static void put(KinesisAsyncClient kinesis, int from, int to) throws Exception {
        int failed = kinesis.putRecords(put -> put.streamName(STREAM).records(Records.batch(from, to)))
                .get(20, TimeUnit.SECONDS)
                .failedRecordCount();
        Records.expect(failed == 0, "refused: " + failed);
    }

    private static void subscribe(KinesisAsyncClient kinesis) throws Exception {
        String arn = kinesis.describeStreamSummary(describe -> describe.streamName(STREAM))
                .get(20, TimeUnit.SECONDS).streamDescriptionSummary().streamARN();
        String consumer = kinesis.registerStreamConsumer(register -> register.streamARN(arn).consumerName("java"))
                .get(20, TimeUnit.SECONDS).consumer().consumerARN();
        awaitActive(kinesis, consumer);
        Set<String> seen = ConcurrentHashMap.newKeySet();
        CompletableFuture<Void> all = new CompletableFuture<>();
        for (Shard shard : kinesis.listShards(list -> list.streamName(STREAM)).get(20, TimeUnit.SECONDS).shards()) {
            SubscribeToShardResponseHandler.Visitor visitor = SubscribeToShardResponseHandler.Visitor.builder()
                    .onSubscribeToShardEvent(event -> take(event, seen, all))
                    .build();
            SubscribeToShardResponseHandler handler = SubscribeToShardResponseHandler.builder()
                    .subscriber(visitor)
                    .onError(all::completeExceptionally)
                    .build();
            kinesis.subscribeToShard(subscribe -> subscribe.consumerARN(consumer)
                    .shardId(shard.shardId())
                    .startingPosition(from -> from.type(ShardIteratorType.TRIM_HORIZON)), handler);
        }
        put(kinesis, RECORDS / 2, RECORDS);
        try {
            all.get(60, TimeUnit.SECONDS);
        } catch (Exception error) {
            throw new AssertionError("seen " + seen.size() + " of " + RECORDS, error);
        }
    }

    private static void awaitActive(KinesisAsyncClient kinesis, String consumer) throws Exception {
        for (int turn = 0; turn < 100; turn++) {
            ConsumerStatus status = kinesis.describeStreamConsumer(describe -> describe.consumerARN(consumer))
                    .get(20, TimeUnit.SECONDS).consumerDescription().consumerStatus();
            if (status == ConsumerStatus.ACTIVE) {
                return;
            }
            Thread.sleep(Duration.ofMillis(100).toMillis());
        }
        throw new AssertionError("the consumer does not become active");
    }

    private static void take(SubscribeToShardEvent event, Set<String> seen, CompletableFuture<Void> all) {
        Records.expect(event.continuationSequenceNumber() != null, "no continuation: " + event);
        event.records().forEach(record -> seen.add(record.data().asUtf8String()));
        if (seen.size() == RECORDS) {
            all.complete(null);
        }
    }
}
