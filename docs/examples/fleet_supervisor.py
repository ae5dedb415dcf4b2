"""Looks after what all workers of four_workers_fastapi.py record, once: `python fleet_supervisor.py`."""

import logging
import os

import anyio

from agora_rec import (
    AmazonS3,
    AmazonS3Region,
    Checkpoint,
    CloudRecording,
    Fleet,
    RedisBudget,
    RedisStore,
    Replacement,
    ResultState,
    Secrets,
    drain_on,
)

log = logging.getLogger("supervisor")
storage = AmazonS3(
    region=AmazonS3Region.EU_CENTRAL_1,
    bucket="lessons",
    access_key=os.environ["AGORA_STORAGE_ACCESS_KEY"],
    secret_key=os.environ["AGORA_STORAGE_SECRET_KEY"],
)


async def secrets(_: Checkpoint) -> Secrets:
    """Give what no store holds. With an App Certificate: a fresh token for its channel and uid as well."""
    return Secrets(storage=storage)


async def main() -> None:
    """Look after all recordings of the store that nobody else looks after, until SIGTERM."""
    async with CloudRecording.from_env(
        store=RedisStore(os.environ["REDIS_URL"]),
        budget=RedisBudget(os.environ["REDIS_URL"], qps=10, workers=10),  # in a deploy, ten processes
        secrets=secrets,
    ) as cloud:
        fleet = Fleet(cloud, on_exit="release", adopt=True, replacement=Replacement())
        async with fleet, drain_on(fleet):
            await anyio.sleep_forever()
        log.info("released: %d", fleet.report().states[ResultState.RELEASED])


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    anyio.run(main)
