# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest does that matters to failover, done through qtest: it numbers its buses, its virtio-net driver
negotiates, and its hot-plug driver, ACPI's or the native one of PCI Express, lets a device go or does not."""

CONFIG_ADDRESS, CONFIG_DATA = 0xCF8, 0xCFC

PCI_COMMAND = 0x04
PCI_COMMAND_MEMORY_AND_MASTER = 0x6
PCI_PRIMARY_BUS = 0x18
PCI_CAPABILITIES = 0x34
CAP_VENDOR, CAP_EXPRESS = 0x09, 0x10

# struct virtio_pci_cap, then struct virtio_pci_common_cfg
VIRTIO_CAP_TYPE, VIRTIO_CAP_BAR, VIRTIO_CAP_OFFSET, VIRTIO_CAP_LENGTH, VIRTIO_CAP_DATA = 3, 4, 8, 12, 16
VIRTIO_TYPE_COMMON, VIRTIO_TYPE_CFG = 1, 5
FEATURE_SELECT, FEATURE, STATUS = 8, 12, 20
ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK = 1, 2, 4, 8
VIRTIO_F_VERSION_1, VIRTIO_NET_F_STANDBY = 1 << 32, 1 << 62

# The slot control and status registers of the PCI Express capability.
SLOT_CONTROL, SLOT_STATUS = 0x18, 0x1A
INDICATOR_ON, INDICATOR_BLINKING = 0x100, 0x200
ATTENTION_BUTTON = 0x1

# QEMU's ACPI hot-plug registers on q35, and what is at which offset.
ACPI_ICH9 = 0x0CC0
ACPI_UP, ACPI_EJECT, ACPI_SELECT = 0x00, 0x08, 0x10


class Function:
    """A PCI function as the guest reaches it: by its number."""

    def __init__(self, machine, bus, slot):
        self.machine = machine
        self.where = 0x80000000 | bus << 16 | slot << 11

    def read(self, offset, size=4):
        self.machine.write_port(CONFIG_ADDRESS, self.where | offset & ~3)
        return self.machine.read_port(CONFIG_DATA + (offset & 3), size)

    def write(self, offset, value, size=4):
        self.machine.write_port(CONFIG_ADDRESS, self.where | offset & ~3)
        self.machine.write_port(CONFIG_DATA + (offset & 3), value, size)

    def capability(self, kind, matches=lambda at: True):
        at = self.read(PCI_CAPABILITIES, 1)
        # All ones: there is nobody.
        while at not in (0, 0xFF):
            if self.read(at, 1) == kind and matches(at):
                return at
            at = self.read(at + 1, 1)
        raise LookupError(f"no capability {kind:#x} at {self.where:#x}")


class Net:
    """The driver of a virtio-net device. It reaches the registers through configuration space, so no BAR is needed."""

    def __init__(self, machine, bus, slot=0):
        self.function = Function(machine, bus, slot)
        self.function.write(PCI_COMMAND, PCI_COMMAND_MEMORY_AND_MASTER, 2)
        self.common = self._virtio_capability(VIRTIO_TYPE_COMMON)
        self.window = self._virtio_capability(VIRTIO_TYPE_CFG)
        self.bar = self.function.read(self.common + VIRTIO_CAP_BAR, 1)
        self.base = self.function.read(self.common + VIRTIO_CAP_OFFSET)

    def _virtio_capability(self, kind):
        return self.function.capability(
            CAP_VENDOR, lambda at: self.function.read(at + VIRTIO_CAP_TYPE, 1) == kind)

    def _set(self, register, value, size):
        self.function.write(self.window + VIRTIO_CAP_BAR, self.bar, 1)
        self.function.write(self.window + VIRTIO_CAP_OFFSET, self.base + register)
        self.function.write(self.window + VIRTIO_CAP_LENGTH, size)
        self.function.write(self.window + VIRTIO_CAP_DATA, value, size)

    def reset(self):
        """What unbinding the driver does to the device."""
        self._set(STATUS, 0, 1)

    def negotiate(self, features=VIRTIO_F_VERSION_1 | VIRTIO_NET_F_STANDBY):
        self._set(STATUS, ACKNOWLEDGE | DRIVER, 1)
        for half in 0, 1:
            self._set(FEATURE_SELECT, half, 4)
            self._set(FEATURE, features >> 32 * half & 0xFFFFFFFF, 4)
        self._set(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK, 1)
        self._set(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK, 1)


def number_buses(machine, *slots):
    """Gives the root ports in these slots of bus 0 the buses 1, 2, …"""
    for bus, slot in enumerate(slots, 1):
        Function(machine, 0, slot).write(PCI_PRIMARY_BUS, bus << 16 | bus << 8)


class AcpiSlot:
    """A slot whose hot-plug the guest's ACPI does: that of one bus, as QOM knows it."""

    def __init__(self, machine, bus_path, slot=0):
        self.machine, self.bit = machine, 1 << slot
        self.number = machine.qmp("qom-get", path=bus_path, property="acpi-pcihp-bsel")

    def eject(self):
        self.machine.write_port(ACPI_ICH9 + ACPI_SELECT, self.number)
        self.machine.write_port(ACPI_ICH9 + ACPI_EJECT, self.bit)

    def offered(self):
        """Whether a device was put into it that the guest has not been told of; it is, by this."""
        self.machine.write_port(ACPI_ICH9 + ACPI_SELECT, self.number)
        return bool(self.machine.read_port(ACPI_ICH9 + ACPI_UP) & self.bit)


class NativeSlot:
    """A root port whose hot-plug the guest's own driver does."""

    def __init__(self, machine, slot):
        self.port = Function(machine, 0, slot)
        self.express = self.port.capability(CAP_EXPRESS)

    def _control(self, value):
        self.port.write(self.express + SLOT_CONTROL, value, 2)

    def power_on(self):
        self._control(INDICATOR_ON)

    def blink(self):
        self._control(INDICATOR_BLINKING)

    def pushed(self):
        """Whether QEMU has pushed the attention button."""
        return bool(self.port.read(self.express + SLOT_STATUS, 2) & ATTENTION_BUTTON)

    def acknowledge(self):
        self.port.write(self.express + SLOT_STATUS, ATTENTION_BUTTON, 2)
