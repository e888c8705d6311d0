"""A Stillhouse teacher node in Python: PyTorch labels what TypeScript nodes label with ONNX Runtime.

It serves the ONNX teachers of all live runs (docs/protocol.md):
  python teacher.py --nats nats://127.0.0.1:4222
"""

import argparse
import asyncio
import contextlib
import os
import secrets
import socket
import time

import msgpack
import nats
import numpy as np
import torch
from admission import admit
from nats.js import api, errors
from onnx_torch import OnnxInTorch
from shards import as_floats, open_shards, permutation, sha

PLAIN_VIEW = "9f32a7db98d4e671cddcb85cdde06412"
MAX_DELIVER = 5
FULL = {10002, 10023, 10028, 10047, 10077}
ENCODINGS = {"half": "<f2", "float32": "<f4"}


class TeacherNode:
    def __init__(self, js, name: str, data_root: str | None):
        self.js, self.name, self.data_root = js, name, data_root
        self.runs, self.data, self.admitted = {}, {}, set()
        self.tasks, self.serving, self.refused = {}, set(), {}
        self.counters = {"samplesPredicted": 0, "chunksLabelled": 0, "redeliveries": 0}

    async def bucket(self, name: str, ttl: float | None = None):
        try:
            return await self.js.key_value(name)
        except errors.NotFoundError:
            return await self.js.create_key_value(bucket=name, ttl=ttl, direct=True)

    async def beat(self):
        """Says each second that the node is alive, and what it serves."""
        kv, who = await self.bucket("stillhouse-heartbeats", ttl=3), {"role": "teacher", "node": self.name}
        who |= {"type": "heartbeat", "pid": os.getpid(), "host": socket.gethostname(), "backend": "pytorch"}
        who["startedAtMs"] = time.time() * 1000
        while True:
            refused = [{"labelling": labelling, "why": why} for labelling, why in self.refused.items()]
            now = {"doing": "labelling" if self.serving else "idle", "serving": list(self.serving), "refused": refused}
            await kv.put(f"teacher.{self.name}", msgpack.packb({**who, **now, **self.counters}))
            await asyncio.sleep(1)

    async def follow_runs(self):
        """Serves each ONNX teacher that is there of each live run, for as long as some run needs it."""
        async for entry in await (await self.bucket("stillhouse-runs")).watchall():
            if entry is None or not entry.value:
                continue
            run = msgpack.unpackb(entry.value)
            self.runs[run["run"]] = run
            live = [run for run in self.runs.values() if run["state"] in ("teaching", "distilling")]
            ready = [teacher["ready"] for run in live for teacher in run["teachers"] if teacher["ready"]]
            wanted = {r["labelling"]: r["model"] for r in ready if is_served(r["model"])}
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
            durable, stream = f"label-{labelling}", "STILLHOUSE_WORK"
            config = api.ConsumerConfig(durable_name=durable, filter_subject=f"stillhouse.work.label.{labelling}.>")
            config = config.evolve(ack_policy=api.AckPolicy.EXPLICIT, deliver_policy=api.DeliverPolicy.ALL)
            await self.js.add_consumer(stream, config.evolve(ack_wait=10, max_deliver=MAX_DELIVER, max_ack_pending=-1))
            work = await self.js.pull_subscribe_bind(durable, stream)
            self.serving.add(labelling)
            while True:
                try:
                    for message in await work.fetch(1, timeout=2):
                        await self.label(message, labelling, model)
                except nats.errors.TimeoutError:
                    pass
        except Exception as error:  # nothing is wrong with the run: others may serve the teacher
            print(f"{self.name} does not serve {labelling}: {error!r}", flush=True)
            self.refused[labelling] = str(error)
        finally:
            self.serving.discard(labelling)

    async def label(self, message, labelling: str, model: OnnxInTorch):
        """Does one work item: appends the labels of a chunk, part by part, and acknowledges after the log has."""
        self.counters["redeliveries"] += message.metadata.num_delivered > 1
        work = msgpack.unpackb(message.data)
        named = "stillhouse.work.label.{labelling}.{shard}.{view}.{chunk}".format(**work)
        if message.subject != named or work["view"] != PLAIN_VIEW:
            return await message.term()
        try:
            run = self.run_with(labelling, work["shard"])
            await self.admit(labelling, model, run)
            settings, samples = run["spec"]["labels"], self.samples(run)[work["shard"]]
            first, order = work["chunk"] * settings["chunkSize"], permutation(work["shard"], len(samples))
            rows = order[first : first + settings["chunkSize"]]
            computing = asyncio.create_task(asyncio.to_thread(model.logits, as_floats(samples[rows])))
            for _ in range(40):  # after two minutes it has hung, and is given back
                if (await asyncio.wait({computing}, timeout=3))[0]:
                    break
                await message.in_progress()
            self.counters["samplesPredicted"] += len(rows)
            payloads = computing.result().astype(ENCODINGS[settings["encoding"]])
            if not np.isfinite(payloads).all():
                raise ValueError("a logit is not finite in this encoding")
            size = 512 * 1024 // payloads[0].nbytes
            for part, start in enumerate(range(0, len(rows), size)):
                some, of = payloads[start : start + size], rows[start : start + size]
                labels = {**work, "type": "labels", "part": part, "shape": list(some.shape), "node": self.name}
                labels |= {"encoding": settings["encoding"], "rowsDigest": sha(of.tobytes())[:32]}
                await self.append(message, {**labels, "payload": some.tobytes()})
            await message.ack_sync()
            self.counters["chunksLabelled"] += 1
        except Exception as error:
            print(f"{self.name} gives back {message.subject}: {error!r}", flush=True)
            if message.metadata.num_delivered < MAX_DELIVER:
                return await message.nak(delay=2)
            if not isinstance(error, LookupError):
                await self.fault(f"labelling.{labelling}", f"{error}")
            await message.term()

    async def append(self, message, labels: dict):
        """One message a subject, for ever: an earlier answer stands. While the log is full, the work item is held."""
        key = "{labelling}.{shard}.{view}.{block}.{chunk}.{part}".format(**labels, block=labels["chunk"] // 1024)
        while True:
            try:
                await self.js.publish(f"stillhouse.labels.{key}", msgpack.packb(labels), stream="STILLHOUSE_LABELS")
                return
            except errors.APIError as error:
                if error.err_code == 10077 and "per subject" in (error.description or ""):
                    return
                if error.err_code not in FULL:
                    raise
            await message.in_progress()
            await asyncio.sleep(2)

    async def fault(self, topic: str, text: str):
        """What trying again does not mend fails the runs that need it; the first report stands."""
        fault = {"type": "fault", "node": self.name, "text": text, "atMs": time.time() * 1000}
        with contextlib.suppress(errors.KeyWrongLastSequenceError):
            await (await self.bucket("stillhouse-faults")).create(topic, msgpack.packb(fault))

    async def admit(self, labelling: str, model: OnnxInTorch, run: dict):
        shard, numerics = run["shards"][0]["hash"], run["spec"]["numerics"]
        if (labelling, shard) in self.admitted:
            return
        kv, samples = await self.bucket("stillhouse-numerics"), self.samples(run)[shard]
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
    return model is not None and model["format"] == "onnx" and "quantise" not in model["mapping"]


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
    await asyncio.gather(node.beat(), node.follow_runs())


if __name__ == "__main__":
    asyncio.run(main())
