"""The tables as SQLAlchemy Core sees them, for everybody who writes queries."""

from typing import Final

from sqlalchemy import Table

import models.tables  # noqa: F401  # registers the tables
from models.tables.base import metadata


def _table(name: str) -> Table:
    return metadata.tables[name]


community: Final = _table("community")
building: Final = _table("building")
apartment: Final = _table("apartment")
landline: Final = _table("landline")
resident: Final = _table("resident")
resident_apartment: Final = _table("resident_apartment")
mac_library: Final = _table("mac_library")
device: Final = _table("device")
device_building: Final = _table("device_building")
device_state: Final = _table("device_state")
panel_credential: Final = _table("panel_credential")
relay: Final = _table("relay")
camera: Final = _table("camera")
firmware: Final = _table("firmware")
upgrade_job: Final = _table("upgrade_job")
upgrade_job_device: Final = _table("upgrade_job_device")
schedule: Final = _table("schedule")
schedule_row: Final = _table("schedule_row")
credential: Final = _table("credential")
credential_door: Final = _table("credential_door")
credential_door_group: Final = _table("credential_door_group")
door_group: Final = _table("door_group")
door_group_member: Final = _table("door_group_member")
door_order: Final = _table("door_order")
area: Final = _table("area")
whereabouts: Final = _table("whereabouts")
visitor_pass: Final = _table("visitor_pass")
schedule_day: Final = _table("schedule_day")
holiday: Final = _table("holiday")
caller_whitelist: Final = _table("caller_whitelist")
lockout: Final = _table("lockout")
answer: Final = _table("answer")
store_state: Final = _table("store_state")
journal: Final = _table("journal")
call: Final = _table("call")
outbox: Final = _table("outbox")
binding: Final = _table("binding")
change: Final = _table("change")
enrolment: Final = _table("enrolment")
sync_item: Final = _table("sync_item")
staging: Final = _table("staging")
address_request: Final = _table("address_request")
billing_account: Final = _table("billing_account")
mqtt_login: Final = _table("mqtt_login")
app_invite: Final = _table("app_invite")
app_session: Final = _table("app_session")
provision_token: Final = _table("provision_token")
provisioned_file: Final = _table("provisioned_file")
autop_line: Final = _table("autop_line")
device_http: Final = _table("device_http")
