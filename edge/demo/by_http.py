"""The play's door phone without MQTT: a simulated Akuvox in its factory state, told and opened over HTTP."""

import time
from typing import Final

from edge.demo.screen import Proof
from edge.demo.stage import Stage, require
from edge.simulators.akuvox import AkuvoxDevice
from edge.simulators.akuvox_panel import AkuvoxPanel
from edge.simulators.akuvox_web import akuvox

MAC: Final = "0c1105fe0001"
NAME: Final = "Garage"


async def a_panel_without_mqtt(stage: Stage) -> Proof:
    edge = stage.site.edge
    await edge("mac", "add", MAC)
    await edge("device", "add", MAC, "--name", NAME, "--type", "0")
    await edge("relay", "add", NAME, "1", "--methods", "remote")
    device = AkuvoxDevice(MAC, _clock)
    address = stage.block.address()
    panel = AkuvoxPanel(device, sip_ip=address)
    panel.calls = False
    async with akuvox(panel, address) as (_, url):
        stage.say("Edge", f"tells {NAME} its settings over HTTP")
        report = await edge("device", "push", NAME, "--address", url)
        require(report["converged"], f"it has not what it should: {report}")
        account = device.config["Config.Account1.GENERAL.UserName"]
        require(account, "it has no account")
        require(device.config["Config.DoorSetting.APIFCGI.Password"] != "httpapi", "it has the factory's password")
        await edge("door", "open", NAME)
        require([each["num"] for each in device.triggered] == [1], f"its relays: {device.triggered}")
        stage.say("Edge", f"opens relay 1 of {NAME} over HTTP")
    written = len(report["items"])
    return Proof(f"account {account}, {written} settings changed and kept, relay 1 opened", "read back; remote granted")


def _clock() -> tuple[str, str]:
    return time.strftime("%Y-%m-%d", time.gmtime()), time.strftime("%H:%M:%S", time.gmtime())
