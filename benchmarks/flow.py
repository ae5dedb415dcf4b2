"""What recordings cost the event loop: `python -m benchmarks.flow [recordings] [--over port|process]`.

Each recording is acquired, started and stopped, all at once; nothing is paced. CPU time is that of this
process, the emulator's included, so it bounds the client's from above. See README.md beside this file.
"""

import argparse
import time

import anyio

from agora_rec import AmazonS3, AmazonS3Region, CloudRecording, Mix
from agora_rec.emulator import Emulator, Settings

STORAGE = AmazonS3(region=AmazonS3Region.US_EAST_1, bucket="b", access_key="id", secret_key="key")


async def lag(longest: list[float]) -> None:
    """Note the longest time for which the event loop didn't come back."""
    while True:
        before = time.perf_counter()
        await anyio.sleep(0.001)
        longest[0] = max(longest[0], time.perf_counter() - before - 0.001)


async def one(cloud: CloudRecording, number: int) -> None:
    """One recording from acquire to stop."""
    recording = cloud.recording(f"channel-{number}", 1 + number, Mix(storage=STORAGE))
    await recording.ensure_started()
    await recording.ensure_stopped()


async def run(recordings: int, over: str) -> None:
    """Measure, and print one line."""
    emulator = Emulator(qps=None, settings=Settings(concurrent_limit=recordings, latency=0.0))
    longest = [0.0]
    seconds = cpu = 0.0
    async with (
        emulator.serve() as served,
        CloudRecording(
            emulator.app_id,
            customer_id=emulator.customer_id,
            customer_secret=emulator.customer_secret,
            base_url=served.url if over == "port" else emulator.base_url,
            transport=None if over == "port" else emulator.transport(),
            qps=None,
        ) as cloud,
        anyio.create_task_group() as watching,
    ):
        began, cpu_began = time.perf_counter(), time.process_time()
        watching.start_soon(lag, longest)
        async with anyio.create_task_group() as tasks:
            for number in range(recordings):
                tasks.start_soon(one, cloud, number)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
        watching.cancel_scope.cancel()
    calls = len(emulator.calls)
    print(
        f"{recordings} recordings over the {over}: {calls} calls in {seconds:.2f} s, "
        f"{cpu / calls * 1000:.2f} ms CPU a call, longest pause of the loop {longest[0] * 1000:.0f} ms"
    )


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", nargs="?", type=int, default=200)
    parser.add_argument("--over", choices=["port", "process"], default="port")
    options = parser.parse_args()
    anyio.run(run, options.recordings, options.over)


if __name__ == "__main__":
    main()
