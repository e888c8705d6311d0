"""What a teacher node says and asks over NATS, whatever computes its labels (docs/protocol.md)."""

import asyncio
import contextlib
import os
import socket
import time

import msgpack
from nats.js import JetStreamContext, api, errors

MAX_DELIVER = 5
FULL = {10002, 10023, 10028, 10047, 10077}


async def bucket(js: JetStreamContext, name: str, ttl: float | None = None):
    try:
        return await js.key_value(name)
    except errors.NotFoundError:
        return await js.create_key_value(bucket=name, ttl=ttl, direct=True)


async def beat(js: JetStreamContext, name: str, pulse):
    """Says each second that the node is alive, and what it serves: the fields that `pulse` gives."""
    kv, who = await bucket(js, "stillhouse-heartbeats", ttl=3), {"role": "teacher", "node": name}
    who |= {"type": "heartbeat", "pid": os.getpid(), "host": socket.gethostname(), "backend": "pytorch"}
    who["startedAtMs"] = time.time() * 1000
    while True:
        await kv.put(f"teacher.{name}", msgpack.packb({**who, **pulse()}))
        await asyncio.sleep(1)


async def work_items(js: JetStreamContext, labelling: str):
    """The work of a labelling, which all nodes that serve it share, one item at a time."""
    durable, stream = f"label-{labelling}", "STILLHOUSE_WORK"
    config = api.ConsumerConfig(durable_name=durable, filter_subject=f"stillhouse.work.label.{labelling}.>")
    config = config.evolve(ack_policy=api.AckPolicy.EXPLICIT, deliver_policy=api.DeliverPolicy.ALL)
    await js.add_consumer(stream, config.evolve(ack_wait=10, max_deliver=MAX_DELIVER, max_ack_pending=-1))
    work = await js.pull_subscribe_bind(durable, stream)
    while True:
        try:
            messages = await work.fetch(1, timeout=2)
        except asyncio.TimeoutError:
            continue
        for message in messages:
            yield message


async def append(js: JetStreamContext, message, labels: dict):
    """One message a subject, for ever: an earlier answer stands. While the log is full, the work item is held."""
    key = "{labelling}.{shard}.{view}.{block}.{chunk}.{part}".format(**labels, block=labels["chunk"] // 1024)
    while True:
        try:
            await js.publish(f"stillhouse.labels.{key}", msgpack.packb(labels), stream="STILLHOUSE_LABELS")
            return
        except errors.APIError as error:
            if error.err_code == 10077 and "per subject" in (error.description or ""):
                return
            if error.err_code not in FULL:
                raise
        await message.in_progress()
        await asyncio.sleep(2)


async def hand_on(js: JetStreamContext, work: dict):
    """Queues one chunk by itself; it may be there already."""
    try:
        subject = "stillhouse.work.label.{labelling}.{shard}.{view}.{chunk}".format(**work)
        await js.publish(subject, msgpack.packb(work), stream="STILLHOUSE_WORK")
    except errors.APIError as error:
        if error.err_code != 10077 or "per subject" not in (error.description or ""):
            raise


async def give_back(js: JetStreamContext, name: str, message, labelling: str, error: Exception):
    """To the queue; after the last try it is a fault, which fails the runs that need it: the first report stands."""
    print(f"{name} gives back {message.subject}: {error!r}", flush=True)
    if message.metadata.num_delivered < MAX_DELIVER:
        return await message.nak(delay=2)
    if not isinstance(error, LookupError):
        fault = {"type": "fault", "node": name, "text": f"{error}", "atMs": time.time() * 1000}
        with contextlib.suppress(errors.KeyWrongLastSequenceError):
            await (await bucket(js, "stillhouse-faults")).create(f"labelling.{labelling}", msgpack.packb(fault))
    await message.term()
