"""Reads a frames.tar as a training job would and prints one JSON line per sample: key, json, burnt-in frame number."""
import json
import sys

import webdataset

for sample in webdataset.WebDataset(sys.argv[1], shardshuffle=False).decode("pil"):
    picture = sample["jpg"].convert("L")
    square = picture.width // 16
    bits = [picture.getpixel((square * index + square // 2, square // 2)) > 128 for index in range(16)]
    number = sum(bit << index for index, bit in enumerate(bits))
    print(json.dumps({"key": sample["__key__"], "json": sample["json"], "frame_number": number}))
