"""Reader and writer of safetensors files: u64 header length, JSON header, raw little-endian data."""
import json
import numpy as np

KINDS = {"F32": np.float32, "F16": np.float16}
NAMES = {np.dtype(np.float32): "F32", np.dtype(np.float16): "F16"}


def read(path):
    with open(path, "rb") as f:
        size = int.from_bytes(f.read(8), "little")
        header = json.loads(f.read(size))
        data = f.read()
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(data[e["data_offsets"][0]:e["data_offsets"][1]], KINDS[e["dtype"]]).reshape(e["shape"]).copy()
        for name, e in header.items()
    }


def write(path, tensors):
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, t in tensors.items():
        blob = np.ascontiguousarray(t).tobytes()
        header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text + b"".join(blobs))
