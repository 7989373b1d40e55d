# SPDX-License-Identifier: Apache-2.0
"""How the peers' steps are timed and printed."""

import json
import resource
import statistics
import time


def measure(step, seconds, at_least=3):
    """Runs step for this time, after three calls. Returns the sorted seconds, and when the first call had ended."""
    step()
    first = time.time()
    for _ in range(2):
        step()
    times, begin = [], time.perf_counter()
    while len(times) < at_least or time.perf_counter() - begin < seconds:
        t = time.perf_counter()
        step()
        times.append(time.perf_counter() - t)
    return sorted(times), first


def print_row(times, first, threads, **more):
    """The line of JSON that run.sh reads; first: seconds from the start to the first result."""
    ms = {"median": statistics.median(times), "min": times[0], "p90": times[int(0.9 * len(times))]}
    row = {"step_ms": {k: round(v * 1e3, 5) for k, v in ms.items()}, "steps": len(times), **more}
    row["first_s"] = round(first, 3)
    row["threads"] = threads
    row["peak_rss_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(row), flush=True)
