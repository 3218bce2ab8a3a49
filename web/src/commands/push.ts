// Commands that push a camera to a stream. They are meant to be pasted into a shell as they are.

export interface PushTarget {
  /** `http://host:port`, without a slash at the end. */
  origin: string;
  stream: string;
  /** Null: shown before the token is there. */
  token: string | null;
  /** The way over RTSP; null where there is none. */
  rtsp: RtspTarget | null;
}

export interface RtspTarget {
  /** `rtsp://host:port`. */
  origin: string;
  /** Null: shown before the token is there. */
  username: string | null;
  password: string | null;
}

export interface Command {
  title: string;
  text: string;
}

export interface CommandGroup {
  id: "ffmpeg" | "gstreamer" | "obs" | "curl";
  title: string;
  /** What to do with the commands, where that is not plain. */
  note?: string;
  commands: Command[];
}

const TOKEN_PENDING = "TOKEN";
const USER_PENDING = "USER";
const PASSWORD_PENDING = "PASSWORD";

/** Fragments of 200 ms at most, cut at key frames: each is durable and visible as soon as it arrives. */
const MUXER = "-f mp4 -movflags +frag_keyframe+empty_moov+default_base_moof -frag_duration 200000";
const RTSP_MUXER = "-f rtsp -rtsp_transport tcp";
/** The same as {@link MUXER} in the words of OBS. */
const OBS_MUXER = "movflags=+frag_keyframe+empty_moov+default_base_moof frag_duration=200000";
const ENCODER = "-c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 60";

function ingestUrl({ origin, stream, token }: PushTarget): string {
  return `${origin}/v1/video/${encodeURIComponent(stream)}/ingest?token=${encodeURIComponent(token ?? TOKEN_PENDING)}`;
}

function rtspUrl({ stream, rtsp }: PushTarget, signed: boolean): string | null {
  if (!rtsp) return null;
  const path = `/${encodeURIComponent(stream)}`;
  if (!signed) return `${rtsp.origin}${path}`;
  const user = encodeURIComponent(rtsp.username ?? USER_PENDING);
  const password = encodeURIComponent(rtsp.password ?? PASSWORD_PENDING);
  return `${rtsp.origin.replace("://", `://${user}:${password}@`)}${path}`;
}

function lines(...parts: string[]): string {
  return parts.join(" \\\n  ");
}

export function pushCommands(target: PushTarget): CommandGroup[] {
  const url = `"${ingestUrl(target)}"`;
  const signed = rtspUrl(target, true);
  return [
    { id: "ffmpeg", title: "ffmpeg", commands: ffmpegCommands(url, signed && `"${signed}"`) },
    { id: "gstreamer", title: "GStreamer", commands: gstreamerCommands(url, target) },
    obsGroup(target),
    { id: "curl", title: "curl", commands: curlCommands(url) },
  ];
}

function ffmpegCommands(url: string, rtsp: string | null): Command[] {
  const test = [
    "ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30",
    "-f lavfi -i sine=frequency=440:sample_rate=48000",
    `${ENCODER} -c:a aac`,
  ];
  const camera = 'ffmpeg -rtsp_transport tcp -i "rtsp://USER:PASSWORD@CAMERA/PATH"';
  const commands = [{ title: "A test picture with sound", text: lines(...test, MUXER, url) }];
  if (rtsp) {
    commands.push(
      { title: "The same over RTSP", text: lines(...test, RTSP_MUXER, rtsp) },
      { title: "An RTSP camera, its video and sound as they are, over RTSP", text: lines(camera, "-c copy", RTSP_MUXER, rtsp) },
    );
  }
  commands.push(
    {
      // Many cameras send G.711 sound, which fragmented MP4 cannot carry.
      title: "An RTSP camera: its video as it is, its sound as AAC",
      text: lines(camera, "-c:v copy -c:a aac", MUXER, url),
    },
    { title: "A webcam", text: lines("ffmpeg -f v4l2 -framerate 30 -i /dev/video0", ENCODER, MUXER, url) },
    { title: "A file, in real time", text: lines("ffmpeg -re -i video.mp4 -c copy", MUXER, url) },
  );
  return commands;
}

function gstreamerCommands(url: string, target: PushTarget): Command[] {
  const sink = `! mp4mux fragment-duration=200 streamable=true ! curlhttpsink location=${url}`;
  const test = [
    "gst-launch-1.0 -e videotestsrc is-live=true pattern=ball",
    "! video/x-raw,format=I420,width=1280,height=720,framerate=30/1",
    "! x264enc tune=zerolatency speed-preset=veryfast key-int-max=60 ! h264parse",
  ];
  const commands = [{ title: "A test picture", text: lines(...test, sink) }];
  const location = rtspUrl(target, false);
  if (target.rtsp && location) {
    const user = `user-id="${target.rtsp.username ?? USER_PENDING}"`;
    const password = `user-pw="${target.rtsp.password ?? PASSWORD_PENDING}"`;
    const client = lines(`! rtspclientsink protocols=tcp location="${location}"`, `${user} ${password}`);
    commands.push({ title: "The same over RTSP", text: lines(...test, client) });
  }
  commands.push({
    title: "An RTSP camera, its video as it is",
    text: lines(
      'gst-launch-1.0 -e rtspsrc location="rtsp://USER:PASSWORD@CAMERA/PATH" protocols=tcp buffer-mode=0',
      "! rtph264depay ! h264parse ! h264timestamper",
      sink,
    ),
  });
  return commands;
}

/** OBS has no field for such a server, but it can record to an address. */
function obsGroup(target: PushTarget): CommandGroup {
  const signed = rtspUrl(target, true);
  const [format, settings] = signed ? ["rtsp", "rtsp_transport=tcp"] : ["mp4", OBS_MUXER];
  return {
    id: "obs",
    title: "OBS",
    note:
      "In Settings › Output choose the mode Advanced, then in Recording the type Custom Output (FFmpeg) and the output type Output to URL. " +
      "Fill in these fields, choose libx264 and aac as encoders, and press Start Recording.",
    commands: [
      { title: "File path or URL", text: signed ?? ingestUrl(target) },
      { title: "Container Format", text: format! },
      { title: "Muxer Settings", text: settings! },
      { title: "Keyframe Interval (frames)", text: "60" },
      { title: "Video Encoder Settings", text: "preset=veryfast tune=zerolatency" },
    ],
  };
}

function curlCommands(url: string): Command[] {
  return [
    { title: "A fragmented MP4 file, as fast as it goes", text: `curl -T fragmented.mp4 ${url}` },
    {
      title: "Whatever another program writes, with an answer for every fragment",
      text: `some-camera-program | curl -N -T - -H "Accept: application/x-ndjson" ${url}`,
    },
  ];
}
