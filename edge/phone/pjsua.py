"""The PJSUA2 worker: one endpoint in one process, driven by the JSON lines of `edge.phone.handle`.

Why a process: the library has one Endpoint a process, and a fault in it kills the interpreter. Nothing is threaded
here: callbacks run only inside ``libHandleEvents`` on the main thread, which alternates with reading commands.
PJSUA2 is GPL: this module is never imported, only run, and never by the daemon.
"""

import contextlib
import gc
import json
import os
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pjsua2 as pj

_PUMP_MS: Final = 10
_END_CALLS_WITHIN_S: Final = 1.0
_UNREGISTER_WITHIN_S: Final = 1.0
_NO_NETWORK: Final = 3  # libDestroy flag: we have unregistered already; else it waits some seconds
_RTP_PORTS: Final = 200
_TRANSPORTS: Final = {
    "udp": pj.PJSIP_TRANSPORT_UDP,
    "tcp": pj.PJSIP_TRANSPORT_TCP,
    "tls": pj.PJSIP_TRANSPORT_TLS,
}
_STATES: Final = {
    pj.PJSIP_INV_STATE_CALLING: "calling",
    pj.PJSIP_INV_STATE_INCOMING: "incoming",
    pj.PJSIP_INV_STATE_EARLY: "early",
    pj.PJSIP_INV_STATE_CONNECTING: "connecting",
    pj.PJSIP_INV_STATE_CONFIRMED: "confirmed",
    pj.PJSIP_INV_STATE_DISCONNECTED: "disconnected",
}
_REPORTED_REQUESTS: Final = ("INFO", "REFER", "UPDATE")

Settings = dict[str, Any]


class Call(pj.Call):  # type: ignore[misc] # the library has no types
    """One call. It must be dropped before ``libDestroy``, and never inside one of its own callbacks."""

    def __init__(self, worker: "Worker", account: Any, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self.worker = worker
        self.recorder: Any = None
        self.wav: str | None = None

    def onCallState(self, _: Any) -> None:
        info = self.getInfo()
        self.worker.tell(
            "state", call=self.getId(), state=_STATES.get(info.state, "unknown"), status=info.lastStatusCode,
            reason=info.lastReason, remote=info.remoteUri, placed=info.role == pj.PJSIP_ROLE_UAC,
        )  # fmt: skip
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.worker.call_ended(self)

    def onCallMediaState(self, _: Any) -> None:
        info = self.getInfo()  # held: its parts live only as long as it does
        for index, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            active = media.status == pj.PJSUA_CALL_MEDIA_ACTIVE
            if active:
                self.worker.connect(self, self.getAudioMedia(index))
            self.worker.tell("media", call=self.getId(), active=active, wav=self.wav)

    def onDtmfDigit(self, event: Any) -> None:
        by = "info" if event.method == pj.PJSUA_DTMF_METHOD_SIP_INFO else "rfc4733"
        self.worker.tell("dtmf", call=self.getId(), digit=event.digit, by=by)

    def onCallTsxState(self, event: Any) -> None:
        if event.e.type != pj.PJSIP_EVENT_TSX_STATE:
            return
        body = event.e.body
        transaction = body.tsxState.tsx
        if transaction.method in _REPORTED_REQUESTS:
            self.worker.tell(
                "request", call=self.getId(), method=transaction.method, status=int(transaction.statusCode),
                ours=transaction.role == pj.PJSIP_ROLE_UAC,
            )  # fmt: skip


class Account(pj.Account):  # type: ignore[misc] # the library has no types
    def __init__(self, worker: "Worker") -> None:
        super().__init__()
        self.worker = worker

    def onRegState(self, event: Any) -> None:
        expires_s = max(0, int(event.expiration))
        self.worker.registered = int(event.code) == 200 and expires_s > 0
        self.worker.tell("registration", status=int(event.code), reason=event.reason, expires_s=expires_s)

    def onIncomingCall(self, event: Any) -> None:
        self.worker.call_arrived(event.callId, event.rdata.wholeMsg)


class Worker:
    """The endpoint, its account and its calls."""

    def __init__(self, settings: Settings, output: int) -> None:
        self.settings = settings
        self._output = output
        self.registered = False
        self.calls: dict[int, Call] = {}
        self._ended: list[Call] = []
        self._answers: list[tuple[float, int, int]] = []  # (monotonic time, call, status)
        self._steps: list[tuple[float, int]] = settings["answer_steps"]
        self._endpoint = pj.Endpoint()
        self._source: Any = None
        self._account: Any = None
        self._commands: dict[str, Callable[[dict[str, Any]], None]] = {
            "call": self._do_call,
            "answer": self._do_answer,
            "hangup": self._do_hangup,
            "dtmf": self._do_dtmf,
            "hold": lambda _: self._only_call().setHold(pj.CallOpParam(True)),
            "resume": self._do_resume,
            "refer": lambda command: self._only_call().xfer(command["to"], pj.CallOpParam(True)),
            "register": lambda command: self._account.setRegistration(bool(command["on"])),
            "answer_steps": self._do_answer_steps,
            "stats": self._do_stats,
        }

    def tell(self, event: str, **fields: Any) -> None:
        line = json.dumps({"event": event, "at": round(time.time(), 3), **fields}) + "\n"
        os.write(self._output, line.encode())

    # starting

    def start(self) -> None:
        self._endpoint.libCreate()
        self._endpoint.libInit(self._endpoint_settings())
        self._endpoint.audDevManager().setNullDev()  # before any media: there is no sound card
        transport = self._endpoint.transportCreate(_TRANSPORTS[self.settings["transport"]], self._transport_settings())
        self._endpoint.libStart()
        self._choose_codecs()
        self._make_source()
        self._account = Account(self)
        self._account.create(self._account_settings(transport))
        self.tell("ready", address=self._endpoint.transportGetInfo(transport).localName)

    def _endpoint_settings(self) -> Any:
        settings = pj.EpConfig()
        settings.uaConfig.threadCnt = 0
        settings.uaConfig.mainThreadOnly = True
        settings.uaConfig.userAgent = self.settings["user_agent"]
        settings.logConfig.level = settings.logConfig.consoleLevel = 4 if self.settings["log_file"] else 1
        settings.logConfig.msgLogging = 1
        settings.medConfig.clockRate = settings.medConfig.sndClockRate = 8000  # the telephone's rate all the way
        settings.medConfig.noVad = True  # silence suppression makes gaps in tones
        settings.medConfig.ecTailLen = 0
        return settings

    def _transport_settings(self) -> Any:
        settings = pj.TransportConfig()
        settings.port = int(self.settings["port"])
        settings.boundAddress = self.settings["ip"]
        if self.settings["ca_file"]:
            settings.tlsConfig.CaListFile = self.settings["ca_file"]
            settings.tlsConfig.verifyServer = True
        return settings

    def _choose_codecs(self) -> None:
        wanted: list[str] = self.settings["codecs"]
        for codec in self._endpoint.codecEnum2():
            self._endpoint.codecSetPriority(codec.codecId, 0)
        for place, name in enumerate(wanted):
            self._endpoint.codecSetPriority(name, 250 - place)

    def _make_source(self) -> None:
        """One source for all calls: a file that repeats, or a tone, or silence."""
        if self.settings["wav"]:
            self._source = pj.AudioMediaPlayer()
            self._source.createPlayer(self.settings["wav"])
        elif self.settings["tone_hz"]:
            self._source = pj.ToneGenerator()
            self._source.createToneGenerator(8000, 1)
            tone = pj.ToneDesc()
            tone.freq1, tone.freq2 = int(self.settings["tone_hz"]), 0
            tone.on_msec, tone.off_msec, tone.volume = 1000, 0, 12000
            tones = pj.ToneDescVector()
            tones.append(tone)
            self._source.play(tones, True)

    def _account_settings(self, transport: int) -> Any:
        given, account = self.settings, pj.AccountConfig()
        account.idUri = f"sip:{given['user']}@{given['domain'] or given['ip']}"
        if given["registrar"]:
            account.regConfig.registrarUri = given["registrar"]
            account.regConfig.timeoutSec = int(given["expires_s"])
            account.regConfig.retryIntervalSec = 2
        if given["password"] is not None:
            account.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", given["user"], 0, given["password"]))
        if given["proxy"]:
            account.sipConfig.proxies.append(given["proxy"])
        account.sipConfig.transportId = transport
        # otherwise it registers again with the address that it learns from the answers
        account.natConfig.contactRewriteUse = account.natConfig.viaRewriteUse = account.natConfig.sdpNatRewriteUse = 0
        if given["reliable"]:
            account.callConfig.prackUse = pj.PJSUA_100REL_MANDATORY
        if given["session_s"]:
            account.callConfig.timerUse = pj.PJSUA_SIP_TIMER_REQUIRED
            account.callConfig.timerSessExpiresSec = account.callConfig.timerMinSESec = int(given["session_s"])
        media = account.mediaConfig.transportConfig
        media.boundAddress = media.publicAddress = given["ip"]  # RTP from the device's own address, and so in the SDP
        media.port, media.portRange = int(given["rtp_port"]) or 4000, _RTP_PORTS
        return account

    # calls

    def call_arrived(self, call_id: int, message: str) -> None:
        self.calls[call_id] = Call(self, self._account, call_id)
        self.tell("incoming", call=call_id, message=message)
        now = time.monotonic()
        self._answers += [(now + after_s, call_id, int(status)) for after_s, status in self._steps]

    def call_ended(self, call: Call) -> None:
        self.calls.pop(call.getId(), None)
        self._ended.append(call)

    def connect(self, call: Call, audio: Any) -> None:
        """Join the call's audio with the source and a recorder."""
        if self._source is not None:
            self._source.startTransmit(audio)
        if self.settings["record_dir"] and call.recorder is None:
            name = f"{self.settings['user']}-{call.getId()}-{time.time_ns() // 1_000_000}.wav"
            call.wav = str(Path(self.settings["record_dir"]) / name)
            call.recorder = pj.AudioMediaRecorder()
            call.recorder.createRecorder(call.wav)
        if call.recorder is not None:
            audio.startTransmit(call.recorder)

    def _only_call(self) -> Call:
        for call in self.calls.values():
            return call
        raise LookupError("no call")

    # commands

    def _do_call(self, command: dict[str, Any]) -> None:
        call, options = Call(self, self._account), pj.CallOpParam(True)
        for name, value in (command.get("headers") or {}).items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            options.txOption.headers.append(header)
        call.makeCall(command["to"], options)
        self.calls[call.getId()] = call

    def _do_answer(self, command: dict[str, Any]) -> None:
        self._answer(self._only_call(), int(command.get("status", 200)))

    def _answer(self, call: Call, status: int) -> None:
        options = pj.CallOpParam(True)
        options.statusCode = status
        call.answer(options)

    def _do_hangup(self, command: dict[str, Any]) -> None:
        options = pj.CallOpParam()
        options.statusCode = int(command.get("status", 0))
        self._only_call().hangup(options)

    def _do_dtmf(self, command: dict[str, Any]) -> None:
        call = self._only_call()
        if command.get("by", "rfc4733") == "rfc4733":
            call.dialDtmf(command["digits"])
            return
        options = pj.CallSendDtmfParam()  # one INFO a digit, application/dtmf-relay
        options.digits, options.method, options.duration = command["digits"], pj.PJSUA_DTMF_METHOD_SIP_INFO, 160
        call.sendDtmf(options)

    def _do_resume(self, _: dict[str, Any]) -> None:
        options = pj.CallOpParam(True)
        options.opt.flag = pj.PJSUA_CALL_UNHOLD
        self._only_call().reinvite(options)

    def _do_answer_steps(self, command: dict[str, Any]) -> None:
        self._steps = command["steps"]
        self.tell("answering", steps=self._steps)

    def _do_stats(self, _: dict[str, Any]) -> None:
        stream = self._only_call().getStreamStat(0)  # held: its parts live only as long as it does
        rtcp = stream.rtcp
        self.tell("stats", received=rtcp.rxStat.pkt, lost=rtcp.rxStat.loss, sent=rtcp.txStat.pkt)

    # the loop

    def run(self) -> None:
        """Until told to quit, or the parent is gone."""
        buffer = b""
        while True:
            self._endpoint.libHandleEvents(_PUMP_MS)
            self._drop_ended_calls()
            self._answer_due()
            while select.select([0], [], [], 0)[0]:
                chunk = os.read(0, 65536)
                if not chunk:
                    return
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    if not self._obey(line):
                        return

    def _obey(self, line: bytes) -> bool:
        """False when told to quit."""
        command = json.loads(line)
        if command["do"] == "quit":
            return False
        try:
            self._commands[command["do"]](command)
        except pj.Error as error:
            self.tell("error", command=command["do"], reason=error.info())
        except LookupError as error:
            self.tell("error", command=command["do"], reason=str(error))
        return True

    def _answer_due(self) -> None:
        now = time.monotonic()
        due = [answer for answer in self._answers if answer[0] <= now]
        self._answers = [answer for answer in self._answers if answer[0] > now]
        for _, call_id, status in due:
            if call_id not in self.calls:
                continue
            try:
                self._answer(self.calls[call_id], status)
            except pj.Error as error:
                self.tell("error", command="answer", reason=error.info())

    def _drop_ended_calls(self) -> None:
        """Close the recorders, which completes the wav files, then let go of the calls."""
        while self._ended:
            call = self._ended.pop()
            call.recorder = None
            self.tell("closed", call=call.getId(), wav=call.wav)

    def _pump_while(self, condition: Callable[[], object], at_most_s: float) -> None:
        end = time.monotonic() + at_most_s
        while condition() and time.monotonic() < end:
            self._endpoint.libHandleEvents(_PUMP_MS)

    def stop(self) -> None:
        """Calls, then the registration, then every object, then the library.

        A Call that is collected after libDestroy, even one held by a stale local variable, aborts the process.
        """
        self._endpoint.hangupAllCalls()
        self._pump_while(lambda: self.calls, _END_CALLS_WITHIN_S)
        if self.registered:
            with contextlib.suppress(pj.Error):
                self._account.setRegistration(False)
                self._pump_while(lambda: self.registered, _UNREGISTER_WITHIN_S)
        self._drop_ended_calls()
        self.calls.clear()
        self._account.shutdown()
        self._account = self._source = None
        gc.collect()
        self._endpoint.libDestroy(_NO_NETWORK)


def main() -> None:
    settings = json.loads(os.fdopen(os.dup(0), "rb", buffering=0).readline())  # unbuffered: what follows is commands
    # pjlib prints to standard output before its log is configured: keep that for the events alone
    output = os.dup(1)
    log = os.open(settings["log_file"] or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    if settings["log_file"]:
        os.dup2(log, 2)
    worker = Worker(settings, output)
    worker.start()
    worker.run()
    worker.stop()
    worker.tell("bye")


if __name__ == "__main__":
    main()
