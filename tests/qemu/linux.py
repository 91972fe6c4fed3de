# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests' real guest (tests/guest) with a failover pair, and what it says itself about its primary."""

import base64
import json
import os
import socket

from machine import Late, Lines, PATIENCE, until

GUEST = os.environ.get("VMFO_GUEST") or os.path.join(os.path.dirname(__file__), "../../build/guest")

# The number of the primary's netdev and of its master. A device that was plugged anew has another number.
PRIMARY = "cd /sys/bus/pci/drivers/e1000e && cat */net/*/ifindex */net/*/master/ifindex"


def arguments(folder, name, command_line=""):
    """For a Machine, to boot it."""
    for file in "vmlinuz", "initrd.img":
        if not os.path.exists(os.path.join(GUEST, file)):
            raise Late(f"there is no {file} in {GUEST}; `make guest` makes it")
    return ["-m", "256", "-kernel", os.path.join(GUEST, "vmlinuz"), "-initrd", os.path.join(GUEST, "initrd.img"),
            "-append", f"quiet {command_line}",
            "-chardev", f"socket,id=agent,path={os.path.join(folder, name)}.agent,server=on,wait=off",
            "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"]


class Agent:
    """The guest agent of a machine that was started with these arguments."""

    def __init__(self, machine, folder, name):
        self.sock = socket.socket(socket.AF_UNIX)
        machine.sockets.append(self.sock)
        self.sock.connect(os.path.join(folder, name) + ".agent")
        self.lines = Lines(self.sock)

    def call(self, command, **parameters):
        self.sock.sendall(json.dumps({"execute": command, "arguments": parameters}).encode() + b"\n")
        if not (answer := self.lines.read(PATIENCE)):
            raise Late(f"the guest did not answer {command} within {PATIENCE} s")
        answer = json.loads(answer)
        if "error" in answer:
            raise Late(f"{command} failed in the guest: {answer['error']['desc']}")
        return answer["return"]

    def run(self, command):
        """What a shell command in the guest prints."""
        pid = self.call("guest-exec", path="/bin/sh", arg=["-c", f"PATH=/bin; {command}"],
                        **{"capture-output": True})["pid"]
        ended = until(lambda: (status := self.call("guest-exec-status", pid=pid))["exited"] and status,
                      what=f"the end of {command}")
        return base64.b64decode(ended.get("out-data", "")).decode()

    def primary(self):
        """Which netdev the primary is and which its master; None: the pair is not whole."""
        numbers = self.run(PRIMARY).split()
        return tuple(numbers) if len(numbers) == 2 else None

    def await_primary(self, other_than=None, timeout=PATIENCE):
        """Waits until the pair is whole, by another device than that."""
        return until(lambda: (now := self.primary()) != other_than and now, timeout, "the guest's primary")
