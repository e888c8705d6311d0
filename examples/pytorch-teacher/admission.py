"""The probe: whether this node may serve a teacher beside its first node (docs/protocol.md, "Admission")."""

import platform

import msgpack
import numpy as np
import torch
from nats.js import errors
from shards import permutation, sha

COMPUTER = {
    "backend": "pytorch",
    "version": torch.__version__,
    "threads": torch.get_num_threads(),
    "machine": f"{platform.system().lower()} {platform.machine()}, {platform.processor() or 'unknown processor'}",
}
PROBE_ROWS, PROBE_BYTES = 64, 256 * 1024
TOLERANCE = 0.01


async def admit(kv, node: str, labelling: str, logits_of, shard: str, samples: np.ndarray, numerics: str):
    """
    Answers the probe, the first rows of chunk 0 of the data's first shard. The first answer of all is written down, and
    those of later nodes are held against it.
    @param kv the bucket stillhouse-numerics
    @raises ValueError for a node that may not serve
    """
    classes = logits_of(samples[:1]).shape[1]
    rows = permutation(shard, len(samples))[: min(PROBE_ROWS, max(1, PROBE_BYTES // (4 * classes)))]
    logits = logits_of(samples[rows]).astype("<f4")
    own = {
        "type": "numerics",
        "node": node,
        "computer": COMPUTER,
        "shape": list(logits.shape),
        "logits": logits.tobytes(),
        "digest": sha(logits.tobytes()),
        "quantised": None,
        "tolerated": [],
    }
    key = f"{labelling}.{shard}"
    try:
        await kv.create(key, msgpack.packb(own))
        return
    except errors.KeyWrongLastSequenceError:
        entry = await kv.get(key)
    first = msgpack.unpackb(entry.value)
    if first["digest"] == own["digest"]:
        return
    theirs = np.frombuffer(first["logits"], "<f4").reshape(first["shape"])
    difference, largest = float(abs(theirs - logits).max()), float(abs(theirs).max())
    if numerics == "strict" or not difference <= TOLERANCE * largest:
        raise ValueError(
            f"the probe's logits differ by up to {difference:.3g} from those of {first['node']} "
            f"({first['computer']['backend']}), the largest of which is {largest:.3g}; numerics is {numerics}"
        )
    guest = {"computer": COMPUTER, "difference": difference}
    if guest not in first["tolerated"]:
        tolerated = [*first["tolerated"], guest]
        await kv.update(key, msgpack.packb({**first, "tolerated": tolerated}), last=entry.revision)
