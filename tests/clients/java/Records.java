import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.PutRecordsRequestEntry;
import software.amazon.awssdk.services.kinesis.model.PutRecordsResponse;

/** Records that say what they are: key and number. */
final class Records {
    private Records() {}

    static List<PutRecordsRequestEntry> batch(int from, int to) {
        List<PutRecordsRequestEntry> batch = new ArrayList<>();
        for (int number = from; number < to; number++) {
            String key = "key-" + number % 50;
            SdkBytes data = SdkBytes.fromString(key + " " + number, StandardCharsets.UTF_8);
            batch.add(PutRecordsRequestEntry.builder().partitionKey(key).data(data).build());
        }
        return batch;
    }

    static void put(KinesisClient kinesis, String stream, int from, int to) {
        PutRecordsResponse answer = kinesis.putRecords(put -> put.streamName(stream).records(batch(from, to)));
        expect(answer.failedRecordCount() == 0, "refused: " + answer);
        expect(answer.records().size() == to - from, "answers: " + answer.records().size());
    }

    static void expect(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
