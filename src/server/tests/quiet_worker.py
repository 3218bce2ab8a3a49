#!/usr/bin/python3
"""A media-worker that takes cameras and gives nothing: enough for what happens around their packets."""

import array
import socket
import struct
import sys
import threading

VERSION_AT, KIND_AT, END, ENDED = 0, 1, 18, 27


def take(camera, count):
    data = b""
    while len(data) < count:
        piece = camera.recv(count - len(data))
        if not piece:
            sys.exit()
        data += piece
    return data


def attend(camera):
    while True:
        message = take(camera, struct.unpack("<I", take(camera, 4))[0])
        if message[KIND_AT] == END:
            camera.sendall(struct.pack("<IBB", 2, message[VERSION_AT], ENDED))
            return


if "cameras" not in sys.argv:
    sys.stdin.read()  # the pool that makes frames has no work for it
    sys.exit()
control = socket.socket(fileno=0)
while True:
    data, ancillary, _, _ = control.recvmsg(1, socket.CMSG_SPACE(4))
    if not data:
        break
    for _, _, content in ancillary:
        descriptor = array.array("i", content)[0]
        threading.Thread(target=attend, args=[socket.socket(fileno=descriptor)], daemon=True).start()
