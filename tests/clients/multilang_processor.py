"""What the daemon of kinesis_multilang.py starts for each shard: writes what it is given to the file named by SEEN."""
import os

from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor


class Processor(processor.RecordProcessorBase):
    """Says each record, and the end of the shard, which it acknowledges."""

    def initialize(self, initialize_input):
        self.shard = initialize_input.shard_id

    def process_records(self, process_records_input):
        for record in process_records_input.records:
            self.say("RECORD", record.partition_key, record.binary_data.decode())
        process_records_input.checkpointer.checkpoint()

    def shard_ended(self, shard_ended_input):
        shard_ended_input.checkpointer.checkpoint()
        self.say("END", self.shard)

    def lease_lost(self, lease_lost_input):
        pass

    def shutdown_requested(self, shutdown_requested_input):
        shutdown_requested_input.checkpointer.checkpoint()

    def say(self, *words):
        # The standard output is the daemon's.
        with open(os.environ["SEEN"], "a") as seen:
            print(*words, file=seen)


if __name__ == "__main__":
    kcl.KCLProcess(Processor()).run()
