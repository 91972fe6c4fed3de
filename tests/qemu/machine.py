# SPDX-License-Identifier: GPL-2.0-or-later
"""One QEMU under test: its QMP monitor, and qtest in the place of a guest.

    with Machine(binary, folder, "source", "-M", "q35", …) as machine:
        machine.qmp("migrate", uri="…")        # returns what QMP returns; QmpError, Died
        machine.event("UNPLUG_PRIMARY")        # waits for it; events that came earlier count, once
        machine.write_port(0xcf8, 0x80000000)

Every wait has an end (Late), and the process is gone when the block is left. A deadline says when an observer gives
up, never how fast QEMU has to be.
"""
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import time

# Of whatever QEMU does at once. A machine that is busy with other things must not make a test fail.
PATIENCE = 60


class QmpError(Exception):
    """What a command was refused with."""


class Died(Exception):
    """QEMU ended while it was needed. The text says how: a signal's name or an exit status."""


class Late(Exception):
    """What was waited for did not come."""


class Lines:
    """Lines from a socket, without ever blocking longer than asked."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def read(self, timeout):
        deadline = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return None
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                raise EOFError
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line


def until(condition, timeout=PATIENCE, what="it"):
    """Calls condition() until it is true, and returns what it said."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Late(f"{what} did not come within {timeout} s")
        time.sleep(0.02)
    return value


# What qtest's commands call an access of so many bytes.
WIDTH = {1: "b", 2: "w", 4: "l"}
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def listen(path, backlog=8):
    listener = socket.socket(socket.AF_UNIX)
    listener.settimeout(PATIENCE)
    listener.bind(path)
    listener.listen(backlog)
    return listener


def halted(path):
    """A firmware whose CPU sleeps for ever, so that nobody but qtest touches the machine. (The accelerator that is made
    for this, qtest, is a module that distributions do not install, and QEMU's own code makes exceptions for it.)"""
    cli_hlt_jmp = b"\xfa\xf4\xeb\xfd"
    with open(path, "wb") as rom:
        rom.write((b"\xf4" * 0xFFF0 + cli_hlt_jmp).ljust(0x10000, b"\xf4"))
    return ["-bios", path]


class Machine:
    """What boots is named by the arguments; without "-kernel" among them, nothing does."""

    def __init__(self, binary, folder, name, *arguments, environment=None):
        base = os.path.join(folder, name)
        firmware = [] if "-kernel" in arguments else halted(base + ".rom")
        self.stderr_path = base + ".stderr"
        self.events = []
        self.process = None
        self.sockets = []
        ears = listen(base + ".qmp"), listen(base + ".qtest")
        try:
            with open(self.stderr_path, "wb") as log:
                self.process = subprocess.Popen(
                    [binary, "-nodefaults", "-display", "none", "-accel", "tcg", *firmware,
                     "-chardev", f"socket,id=qmp,path={base}.qmp", "-mon", "chardev=qmp,mode=control",
                     "-qtest", f"unix:{base}.qtest", "-qtest-log", "/dev/null", *arguments],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent,
                    env={**os.environ, **(environment or {})})
            self.control, self.qtest = (self._accept(ear) for ear in ears)
            until(lambda: self._receive(PATIENCE), what="QEMU's greeting")
            self.qmp("qmp_capabilities")
        except BaseException:
            self.close()
            raise
        finally:
            for ear in ears:
                ear.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
        for sock in self.sockets:
            sock.close()

    def _accept(self, ear):
        def ready():
            if self.process.poll() is not None:
                raise Died(self.ending())
            return select.select([ear], [], [], 0.1)[0]

        until(ready, what="QEMU's connection")
        sock, _ = ear.accept()
        self.sockets.append(sock)
        return Lines(sock)

    def ending(self):
        """How the process ended, for people."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return "closed its sockets and runs on"
        if status < 0:
            return signal.Signals(-status).name
        with open(self.stderr_path, errors="replace") as log:
            last = (log.read().strip().splitlines() or [""])[-1]
        return f"exit status {status}: {last}"

    def stderr(self):
        with open(self.stderr_path, errors="replace") as log:
            return log.read()

    # QMP

    def _receive(self, timeout):
        try:
            line = self.control.read(timeout)
        except EOFError:
            raise Died(self.ending()) from None
        return json.loads(line) if line else None

    def qmp(self, command, **arguments):
        request = {"execute": command}
        if arguments:
            request["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        return self.execute(request)

    def execute(self, request):
        """For the commands whose arguments have an underscore in their name."""
        try:
            self.control.sock.sendall(json.dumps(request).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            raise Died(self.ending()) from None
        while (message := self._receive(PATIENCE)) is not None:
            if "return" in message:
                return message["return"]
            if "error" in message:
                raise QmpError(message["error"]["desc"])
            self.events.append(message)
        raise Late(f"QEMU did not answer {request['execute']} within {PATIENCE} s")

    def saw(self, name, timeout=0.0, **data):
        """The first event of that name and data that is here or comes in time, which is forgotten then; or None."""
        deadline = time.monotonic() + timeout
        while True:
            for event in self.events:
                if event["event"] == name and data.items() <= event.get("data", {}).items():
                    self.events.remove(event)
                    return event
            left = deadline - time.monotonic()
            message = self._receive(max(left, 0))
            if message is None and left <= 0:
                return None
            if message:
                self.events.append(message)

    def event(self, name, timeout=PATIENCE, **data):
        if not (event := self.saw(name, timeout, **data)):
            raise Late(f"no event {name} within {timeout} s")
        return event

    def has(self, device):
        """Whether QEMU has a device of that id, to the guest or only for itself."""
        return any(entry["name"] == device for entry in self.qmp("qom-list", path="/machine/peripheral"))

    def device_add(self, driver, **properties):
        self.execute({"execute": "device_add", "arguments": {"driver": driver, **properties}})

    # Migration

    def migration(self):
        return self.qmp("query-migrate").get("status", "none")

    def migration_reaches(self, *states, timeout=PATIENCE):
        """Waits for one of these; returns the state that there is then, which after the timeout may be another."""
        try:
            return until(lambda: (state := self.migration()) in states and state, timeout)
        except Late:
            return self.migration()

    def migration_must_reach(self, state):
        """For the states without which a case would show nothing."""
        if (now := self.migration_reaches(state)) != state:
            raise Late(f"the migration is {now}, not {state}: {self.qmp('query-migrate').get('error-desc')}")

    def migration_ends(self, timeout=PATIENCE):
        """The state when it has ended, or the one in which it still is; with the reason, if QEMU gives one."""
        state = self.migration_reaches("completed", "failed", "cancelled", timeout=timeout)
        reason = self.qmp("query-migrate").get("error-desc")
        return f"{state}: {reason}" if reason else state

    # qtest

    def _qtest(self, *words):
        try:
            self.qtest.sock.sendall(" ".join(words).encode() + b"\n")
            # Interrupts would be reported on lines of their own; nobody asked for them.
            answer = self.qtest.read(PATIENCE)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise Died(self.ending()) from None
        if answer is None or not answer.startswith(b"OK"):
            raise Late(f"qtest {' '.join(words)}: {answer}")
        return answer.decode().split()[1:]

    def write_port(self, port, value, size=4):
        self._qtest("out" + WIDTH[size], hex(port), hex(value))

    def read_port(self, port, size=4):
        return int(self._qtest("in" + WIDTH[size], hex(port))[0], 0)
