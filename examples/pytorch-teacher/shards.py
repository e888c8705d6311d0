"""A run's samples, and the order in which they are labelled (docs/protocol.md, "Samples" and "Chunks")."""

import gzip
import hashlib
import json
import os
import struct
from functools import lru_cache

import numpy as np


def sha(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def open_shards(source: dict, root: str | None) -> dict[str, np.ndarray]:
    """The inputs of a run's data by the hash of each shard, so that no label can be of another sample."""
    spec, base = source["spec"], root or source["baseDir"]
    if spec.get("dataset") == "mnist":
        files = ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte"]
    elif spec.get("format") == "idx":
        files = [spec["train"]["inputs"], spec["test"]["inputs"]]
    else:
        raise ValueError(f"Cannot open the data {spec}: expected IDX files, or MNIST's below --data-root")
    shards = {}
    for values in [read_idx(os.path.join(base, file)) for file in files]:
        kind = "uint8" if values.dtype == np.uint8 else "float32"
        for rows in np.split(values, range(65536, len(values), 65536)):
            head = f"{kind} [{','.join(map(str, rows.shape[1:]))}]\n".encode()
            shards[sha(head, rows.tobytes())[:32]] = rows
    return shards


def read_idx(path: str) -> np.ndarray:
    """Images of one channel get that as their last axis."""
    raw = open(path, "rb").read()
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    shape = struct.unpack_from(f">{raw[3]}I", raw, 4)
    values = np.frombuffer(raw, {8: "u1", 13: ">f4"}[raw[2]], offset=4 + 4 * raw[3]).reshape(shape)
    values = values if raw[2] == 8 else values.astype("<f4")
    return values[..., None] if values.ndim == 3 else values


def as_floats(values: np.ndarray) -> np.ndarray:
    """Bytes stand for 0 to 1."""
    return (values * (1 / 255)).astype(np.float32) if values.dtype == np.uint8 else values.astype(np.float32)


@lru_cache(maxsize=64)
def permutation(shard: str, count: int) -> np.ndarray:
    """Fisher-Yates with counter-based draws; derives from the shard's hash alone."""
    name = json.dumps([shard, "permutation"], separators=(",", ":")).encode()
    k0, k1 = struct.unpack_from("<II", hashlib.sha256(name).digest())
    order, draw = list(range(count)), 0
    for i in range(count - 1, 0, -1):
        while True:
            word = mix((mix((draw + k0) & 0xFFFFFFFF) + k1) & 0xFFFFFFFF)
            draw += 1
            if word < 2**32 - 2**32 % (i + 1):
                break
        j = word % (i + 1)
        order[i], order[j] = order[j], order[i]
    return np.array(order, "<u4")


def mix(x: int) -> int:
    for shift, factor in ((17, 0xED5AD4BB), (11, 0xAC4C1B51), (15, 0x31848BAB)):
        x = ((x ^ (x >> shift)) * factor) & 0xFFFFFFFF
    return x ^ (x >> 14)
