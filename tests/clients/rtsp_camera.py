"""An RTSP camera to pull from: gst-rtsp-server with one mount, /cam.

usage: rtsp_camera.py LAUNCH [--user USER --password PASSWORD] [--cert FILE.pem] [--port PORT] [--shared]

LAUNCH is a gst-launch description whose payloaders are named pay0, pay1 ...; with
--shared all clients see one run of it. Prints "port N" once it listens, then a line
for each client that comes and goes. Ends with SIGTERM, or when its standard input does.
"""

import argparse
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402


def say(text):
    print(text, flush=True)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("launch")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--cert")
    parser.add_argument("--port", default="0")
    parser.add_argument("--shared", action="store_true")
    return parser.parse_args()


def protect(server, factory, args):
    if not (args.user or args.cert):
        return
    auth = GstRtspServer.RTSPAuth()
    if args.cert:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(args.cert))
    if args.user:
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        auth.add_digest(args.user, args.password, token)
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("user", "media.factory.access", True)
        permissions.add_permission_for_role("user", "media.factory.construct", True)
        factory.set_permissions(permissions)
    server.set_auth(auth)


def connected(_, client):
    say("client")
    client.connect("closed", lambda _: say("closed"))


def main():
    args = arguments()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(args.port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(args.launch)
    factory.set_shared(args.shared)
    protect(server, factory, args)
    server.get_mount_points().add_factory("/cam", factory)
    server.connect("client-connected", connected)
    if server.attach(None) == 0:
        sys.exit("cannot listen")
    say(f"port {server.get_bound_port()}")
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, 15, loop.quit)
    loop.run()


main()
