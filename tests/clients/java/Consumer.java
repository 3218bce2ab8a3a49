import java.net.URI;
import java.util.UUID;
import java.util.concurrent.Executors;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * A consumer by the Kinesis Client Library. Prints a line for each record (RECORD shard key data), for each shard that it begins
 * (BEGIN shard) and that it has come to the end of (END shard). Runs until it is ended.
 * Usage: Consumer ENDPOINT DYNAMODB STREAM APPLICATION polling|fan-out
 */
public final class Consumer implements ShardRecordProcessor {
    private String shard;

    public static void main(String[] args) {
        String stream = args[2];
        Region region = Region.US_EAST_1;
        KinesisAsyncClient kinesis = KinesisClientUtil.createKinesisAsyncClient(
                KinesisAsyncClient.builder().region(region).endpointOverride(URI.create(args[0])));
        DynamoDbAsyncClient dynamo =
                DynamoDbAsyncClient.builder().region(region).endpointOverride(URI.create(args[1])).build();
        CloudWatchAsyncClient cloudWatch =
                CloudWatchAsyncClient.builder().region(region).endpointOverride(URI.create(args[1])).build();
        ConfigsBuilder configs = new ConfigsBuilder(
                new SingleStreamTracker(
                        stream,
                        InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON)),
                args[3], kinesis, dynamo, cloudWatch, UUID.randomUUID().toString(), Consumer::new);
        boolean fanOut = args[4].equals("fan-out");
        Scheduler scheduler = new Scheduler(
                configs.checkpointConfig(),
                configs.coordinatorConfig()
                        .parentShardPollIntervalMillis(500)
                        .shardConsumerDispatchPollIntervalMillis(200),
                configs.leaseManagementConfig().failoverTimeMillis(2000).shardSyncIntervalMillis(2000),
                configs.lifecycleConfig(),
                configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
                configs.processorConfig(),
                configs.retrievalConfig().retrievalSpecificConfig(
                        fanOut
                                ? new FanOutConfig(kinesis).streamName(stream).applicationName(args[3])
                                : new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(250)));
        Executors.newSingleThreadExecutor().submit(scheduler);
    }

    private static void say(String line) {
        synchronized (System.out) {
            System.out.println(line);
            System.out.flush();
        }
    }

    @Override
    public void initialize(InitializationInput input) {
        shard = input.shardId();
        say("BEGIN " + shard);
    }

    @Override
    public void processRecords(ProcessRecordsInput input) {
        for (KinesisClientRecord record : input.records()) {
            byte[] data = new byte[record.data().remaining()];
            record.data().get(data);
            say("RECORD " + shard + " " + record.partitionKey() + " " + new String(data));
        }
        try {
            input.checkpointer().checkpoint();
        } catch (InvalidStateException | ShutdownException error) {
            say("FAILED to check point " + error);
        }
    }

    @Override
    public void leaseLost(LeaseLostInput input) {
        say("LOST " + shard);
    }

    @Override
    public void shardEnded(ShardEndedInput input) {
        try {
            input.checkpointer().checkpoint();
            say("END " + shard);
        } catch (InvalidStateException | ShutdownException error) {
            say("FAILED at the end " + error);
        }
    }

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {
        say("REQUESTED " + shard);
    }
}
