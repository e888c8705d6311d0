"""A Stillhouse teacher node in Python: PyTorch labels what TypeScript nodes label with ONNX Runtime.

It serves the ONNX teachers of all live runs (docs/protocol.md):
  python teacher.py --nats nats://127.0.0.1:4222
"""

import argparse
import asyncio
import os
import secrets
import time

import msgpack
import nats
import numpy as np
import torch
import wire
from admission import admit
from onnx_torch import OnnxInTorch
from shards import as_floats, open_shards, permutation, sha

ENCODINGS = {"half": "<f2", "float32": "<f4"}
# What a node has not begun of an item after so long is left to others.
KEEP_SECONDS = 2


class TeacherNode:
    def __init__(self, js, name: str, data_root: str | None):
        self.js, self.name, self.data_root = js, name, data_root
        self.runs, self.data, self.admitted = {}, {}, set()
        self.tasks, self.serving, self.refused = {}, set(), {}
        self.counters = {"samplesPredicted": 0, "chunksLabelled": 0, "redeliveries": 0}

    def pulse(self) -> dict:
        refused = [{"labelling": labelling, "why": why} for labelling, why in self.refused.items()]
        doing = "labelling" if self.serving else "idle"
        return {"doing": doing, "serving": list(self.serving), "refused": refused, **self.counters}

    async def follow_runs(self):
        """Serves each ONNX teacher that is there of each live run, for as long as some run needs it."""
        async for entry in await (await wire.bucket(self.js, "stillhouse-runs")).watchall():
            if entry is None or not entry.value:
                continue
            run = msgpack.unpackb(entry.value)
            self.runs[run["run"]] = run
            live = [run for run in self.runs.values() if run["state"] in ("teaching", "distilling")]
            ready = [teacher["ready"] for run in live for teacher in run["teachers"] if teacher["ready"]]
            # Labels with a model's inside are left to nodes that can show it.
            wanted = {r["labelling"]: r["model"] for r in ready if is_served(r["model"]) and not r["features"]}
            for labelling in self.tasks.keys() - wanted.keys():
                self.tasks.pop(labelling).cancel()
                self.refused.pop(labelling, None)
            for labelling in wanted.keys() - self.tasks.keys():
                self.tasks[labelling] = asyncio.create_task(self.serve(labelling, wanted[labelling]))

    async def serve(self, labelling: str, described: dict):
        """Loads a teacher, and labels the chunks that are asked of it."""
        try:
            weights = await self.js.object_store("stillhouse-weights")
            model = OnnxInTorch((await weights.get(described["artifact"])).data, described["mapping"])
            await self.admit(labelling, model, self.run_with(labelling))
            self.serving.add(labelling)
            async for message in wire.work_items(self.js, labelling):
                try:
                    await self.label(message, labelling, model)
                except Exception as error:
                    await wire.give_back(self.js, self.name, message, labelling, error)
        except Exception as error:  # nothing is wrong with the run: others may serve the teacher
            print(f"{self.name} does not serve {labelling}: {error!r}", flush=True)
            self.refused[labelling] = str(error)
        finally:
            self.serving.discard(labelling)

    async def label(self, message, labelling: str, model: OnnxInTorch):
        """Does one work item, chunk by chunk, and acknowledges after the log has. A slow node leaves the rest to others."""
        again, started = message.metadata.num_delivered > 1, time.monotonic()
        self.counters["redeliveries"] += again
        work = msgpack.unpackb(message.data)
        run = self.run_with(labelling, work["shard"])
        await self.admit(labelling, model, run)
        left = [{**work, "chunk": work["chunk"] + place, "count": 1} for place in range(work["count"])]
        # One of several may be what a node died over.
        while left and not (again and work["count"] > 1) and time.monotonic() < started + KEEP_SECONDS:
            await self.label_chunk(message, left.pop(0), model, run)
        for one in left:
            await wire.hand_on(self.js, one)
        await message.ack_sync()

    async def label_chunk(self, message, work: dict, model: OnnxInTorch, run: dict):
        """Appends the labels of one chunk, part by part."""
        settings, samples = run["spec"]["labels"], self.samples(run)[work["shard"]]
        first, order = work["chunk"] * settings["chunkSize"], permutation(work["shard"], len(samples))
        rows = order[first : first + settings["chunkSize"]]
        computing = asyncio.create_task(asyncio.to_thread(model.logits, as_floats(samples[rows])))
        while not (await asyncio.wait({computing}, timeout=3))[0]:
            await message.in_progress()
        self.counters["samplesPredicted"] += len(rows)
        payloads = computing.result().astype(ENCODINGS[settings["encoding"]])
        if not np.isfinite(payloads).all():
            raise ValueError("a logit is not finite in this encoding")
        size = 512 * 1024 // payloads[0].nbytes
        for part, start in enumerate(range(0, len(rows), size)):
            some, of = payloads[start : start + size], rows[start : start + size]
            key = {name: work[name] for name in ("labelling", "shard", "view", "chunk")}
            labels = {**key, "type": "labels", "part": part, "shape": list(some.shape), "node": self.name}
            labels |= {"encoding": settings["encoding"], "rowsDigest": sha(of.tobytes())[:32]}
            await wire.append(self.js, message, {**labels, "payload": some.tobytes()})
        self.counters["chunksLabelled"] += 1

    async def admit(self, labelling: str, model: OnnxInTorch, run: dict):
        shard, numerics = run["shards"][0]["hash"], run["spec"]["numerics"]
        if (labelling, shard) in self.admitted:
            return
        kv, samples = await wire.bucket(self.js, "stillhouse-numerics"), self.samples(run)[shard]
        await admit(kv, self.name, labelling, lambda some: model.logits(as_floats(some)), shard, samples, numerics)
        self.admitted.add((labelling, shard))

    def run_with(self, labelling: str, shard: str | None = None) -> dict:
        for run in self.runs.values():
            served = any(teacher["ready"] and teacher["ready"]["labelling"] == labelling for teacher in run["teachers"])
            if served and (shard is None or any(one["hash"] == shard for one in run["shards"])):
                return run
        raise LookupError(f"no run here needs labelling {labelling} of shard {shard}")

    def samples(self, run: dict) -> dict[str, np.ndarray]:
        """The inputs of each shard; data that is not the run's is refused."""
        source = run["data"]
        if source["hash"] not in self.data:
            shards = open_shards(source, self.data_root)
            if missing := [shard["hash"] for shard in run["shards"] if shard["hash"] not in shards]:
                raise ValueError(f"the data here is not that of run {run['run']}: it has no shard {missing[0]}")
            self.data[source["hash"]] = shards
        return self.data[source["hash"]]


def is_served(model: dict | None) -> bool:
    # A teacher of some of the classes answers in a row of all, whose number is the data's.
    whole = model is not None and "classes" not in model
    return whole and model["format"] == "onnx" and "quantise" not in model["mapping"]


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nats", default=os.environ.get("NATS_URL", "nats://127.0.0.1:4222"))
    parser.add_argument("--creds", help="NATS credentials file")
    parser.add_argument("--data-root", help="where the data's paths start; for MNIST, the folder of its IDX files")
    parser.add_argument("--name", default=f"teacher-python-{secrets.token_hex(3)}")
    args = parser.parse_args()
    server = await nats.connect(args.nats, user_credentials=args.creds, max_reconnect_attempts=-1)
    node = TeacherNode(server.jetstream(), args.name, args.data_root)
    print(f"{node.name} serves ONNX teachers with PyTorch {torch.__version__}", flush=True)
    await asyncio.gather(wire.beat(node.js, node.name, node.pulse), node.follow_runs())


if __name__ == "__main__":
    asyncio.run(main())
