"""Whether an app may see what is beside a door: a camera is looked at in the right to look at its door."""

from edge.core.plan import Calling
from edge.core.plan_legs import Circumstances
from edge.core.settings import CallSettings
from edge.core.snapshot import Snapshot
from edge.portal import state
from models.community import Resident
from models.ids import DeviceId
from models.service import Feature, FeaturePlan


def may_see(snapshot: Snapshot, resident: Resident, door: DeviceId, now_ms: int, *, rung: bool) -> bool:
    """*rung*: the door rings the resident's app now, or talks with it. Only premium communities have cameras."""
    device = snapshot.devices.get(door)
    if snapshot.community.plan is not FeaturePlan.PREMIUM or device is None or not device.enabled:
        return False
    if rung:
        return bool(state.with_feature(snapshot, resident, Feature.CALLS, now_ms))
    return state.may_look(Calling(Circumstances(snapshot, CallSettings(), False, now_ms), resident), device)
