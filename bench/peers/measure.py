"""Times a step in the same way as bench/measure.ts."""

import time

WARM_UP_STEPS, WARM_UP_S, WARM_UP_MOST_S = 10, 1, 5
LEAST_STEPS, FEW_STEPS, PATIENCE = 15, 3, 5


def measure(step, seconds):
    """Calls step(i) until the time is over; a dict as `Measured` in bench/measure.ts."""
    done = 0

    def repeat(enough):
        nonlocal done
        times = []
        started, cpu = time.perf_counter(), time.process_time()
        while not enough(len(times), time.perf_counter() - started):
            before = time.perf_counter()
            step(done)
            times.append((time.perf_counter() - before) * 1000)
            done += 1
        return times, (time.process_time() - cpu) * 1000 / len(times)

    repeat(
        lambda steps, s: (steps >= WARM_UP_STEPS and s >= WARM_UP_S)
        or (steps >= FEW_STEPS and s >= WARM_UP_MOST_S)
    )
    times, cpu = repeat(
        lambda steps, s: (steps >= LEAST_STEPS and s >= seconds)
        or (steps >= FEW_STEPS and s >= PATIENCE * seconds)
    )
    return {"steps": times, "cpuMs": cpu}
