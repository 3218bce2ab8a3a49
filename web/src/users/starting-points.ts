interface Statement {
  Effect: "Allow" | "Deny";
  Action: string | string[];
  Resource: string | string[];
}

function policy(...statements: Statement[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements }, null, 2);
}

function allow(actions: string | string[], resources: string | string[]): string {
  return policy({ Effect: "Allow", Action: actions, Resource: resources });
}

/** Policies to begin with: what a name stands in is to be changed. */
export const STARTING_POINTS: { title: string; text: string }[] = [
  {
    title: "Write to one data stream",
    text: allow(["kinesis:PutRecord", "kinesis:PutRecords", "kinesis:DescribeStreamSummary"], "arn:aws:kinesis:*:*:stream/NAME"),
  },
  {
    title: "Read one data stream",
    text: allow(
      ["kinesis:Describe*", "kinesis:Get*", "kinesis:ListShards", "kinesis:SubscribeToShard"],
      ["arn:aws:kinesis:*:*:stream/NAME", "arn:aws:kinesis:*:*:stream/NAME/consumer/*"],
    ),
  },
  { title: "Push one camera", text: allow(["kinesisvideo:PutMedia", "kinesisvideo:DescribeStream"], "arn:aws:kinesisvideo:*:*:stream/NAME/*") },
  {
    title: "Watch all cameras",
    text: allow(["kinesisvideo:Describe*", "kinesisvideo:Get*", "kinesisvideo:List*"], "*"),
  },
  { title: "Everything", text: allow("*", "*") },
];
