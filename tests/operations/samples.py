"""One operation of each kind, and the service's documented answers."""

from typing import Any

from agora_rec import operations
from agora_rec.model import (
    AcquireRequest,
    AmazonS3,
    AmazonS3Region,
    BestFit,
    Mix,
    StartRequest,
    StopRequest,
    Update,
    UpdateLayoutRequest,
    UpdateRequest,
)
from agora_rec.operations import Operation
from agora_rec.vocabulary import ModeName, OperationName
from tests.support.secrets import ACCESS_KEY, SECRET_KEY, TOKEN

APP_ID = "app-1"
RESOURCE_ID = "Qm3-xT_a91"
SID = "0f6c2a5d"
CNAME = "class-42"
UID = 880011
MODE = Mix(
    storage=AmazonS3(
        region=AmazonS3Region.US_EAST_1, bucket="b", access_key=ACCESS_KEY, secret_key=SECRET_KEY
    )
)

ACQUIRE = operations.acquire(APP_ID, AcquireRequest(cname=CNAME, uid=UID))
START = operations.start(APP_ID, RESOURCE_ID, StartRequest(cname=CNAME, uid=UID, mode=MODE, token=TOKEN))
QUERY = operations.query(APP_ID, ModeName.MIX, RESOURCE_ID, SID, cname=CNAME, uid=UID)
UPDATE = operations.update(
    APP_ID, ModeName.MIX, RESOURCE_ID, SID, UpdateRequest(cname=CNAME, uid=UID, change=Update(onhold=True))
)
UPDATE_LAYOUT = operations.update_layout(
    APP_ID, ModeName.MIX, RESOURCE_ID, SID, UpdateLayoutRequest(cname=CNAME, uid=UID, layout=BestFit())
)
STOP = operations.stop(APP_ID, ModeName.MIX, RESOURCE_ID, SID, StopRequest(cname=CNAME, uid=UID))
NCS_IP = operations.ncs_ip()

ALL: dict[OperationName, Operation[Any]] = {
    each.name: each for each in (ACQUIRE, START, QUERY, UPDATE, UPDATE_LAYOUT, STOP, NCS_IP)
}
