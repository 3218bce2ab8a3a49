// Commands that push a camera to a stream. They are meant to be pasted into a shell as they are.

export interface PushTarget {
  /** `http://host:port`, without a slash at the end. */
  origin: string;
  stream: string;
  /** Null: shown before the token is there. */
  token: string | null;
}

export interface Command {
  title: string;
  text: string;
}

export interface CommandGroup {
  id: "ffmpeg" | "gstreamer" | "curl";
  title: string;
  commands: Command[];
}

const TOKEN_PENDING = "TOKEN";

/** Fragments of 200 ms at most, cut at key frames: each is durable and visible as soon as it arrives. */
const MUXER = "-f mp4 -movflags +frag_keyframe+empty_moov+default_base_moof -frag_duration 200000";
const ENCODER = "-c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 60";

function ingestUrl({ origin, stream, token }: PushTarget): string {
  return `${origin}/v1/video/${encodeURIComponent(stream)}/ingest?token=${encodeURIComponent(token ?? TOKEN_PENDING)}`;
}

function lines(...parts: string[]): string {
  return parts.join(" \\\n  ");
}

export function pushCommands(target: PushTarget): CommandGroup[] {
  const url = `"${ingestUrl(target)}"`;
  return [
    { id: "ffmpeg", title: "ffmpeg", commands: ffmpegCommands(url) },
    { id: "gstreamer", title: "GStreamer", commands: gstreamerCommands(url) },
    { id: "curl", title: "curl", commands: curlCommands(url) },
  ];
}

function ffmpegCommands(url: string): Command[] {
  return [
    {
      title: "A test picture with sound",
      text: lines(
        "ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30",
        "-f lavfi -i sine=frequency=440:sample_rate=48000",
        `${ENCODER} -c:a aac`,
        MUXER,
        url,
      ),
    },
    {
      // Many cameras send G.711 sound, which fragmented MP4 cannot carry.
      title: "An RTSP camera: its video as it is, its sound as AAC",
      text: lines(
        'ffmpeg -rtsp_transport tcp -i "rtsp://USER:PASSWORD@CAMERA/PATH"',
        "-c:v copy -c:a aac",
        MUXER,
        url,
      ),
    },
    { title: "A webcam", text: lines("ffmpeg -f v4l2 -framerate 30 -i /dev/video0", ENCODER, MUXER, url) },
    { title: "A file, in real time", text: lines("ffmpeg -re -i video.mp4 -c copy", MUXER, url) },
  ];
}

function gstreamerCommands(url: string): Command[] {
  const sink = `! mp4mux fragment-duration=200 streamable=true ! curlhttpsink location=${url}`;
  return [
    {
      title: "A test picture",
      text: lines(
        "gst-launch-1.0 -e videotestsrc is-live=true pattern=ball",
        "! video/x-raw,format=I420,width=1280,height=720,framerate=30/1",
        "! x264enc tune=zerolatency speed-preset=veryfast key-int-max=60 ! h264parse",
        sink,
      ),
    },
    {
      title: "An RTSP camera, its video as it is",
      text: lines(
        'gst-launch-1.0 -e rtspsrc location="rtsp://USER:PASSWORD@CAMERA/PATH" protocols=tcp buffer-mode=0',
        "! rtph264depay ! h264parse ! h264timestamper",
        sink,
      ),
    },
  ];
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
