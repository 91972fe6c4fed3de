# SPDX-License-Identifier: GPL-2.0-or-later
# The devices of the small build. What they depend on comes with them.

# Machines, one of them without PCI, and what a guest's ports hang off: every kind that failover is asked about.
CONFIG_Q35=y
CONFIG_I440FX=y
CONFIG_ISAPC=y
CONFIG_PCIE_PORT=y
CONFIG_PCIE_PCI_BRIDGE=y
CONFIG_PCI_BRIDGE=y
CONFIG_XIO3130=y
CONFIG_I82801B11=y
CONFIG_PXB=y
# pxb-cxl is compiled with pxb, and does not link without these two.
CONFIG_CXL=y
CONFIG_CXL_MEM_DEVICE=y

# Primaries: of a host's device, and emulated ones.
CONFIG_VFIO=y
CONFIG_VFIO_PCI=y
CONFIG_IOMMUFD=y
CONFIG_E1000_PCI=y
CONFIG_E1000E_PCI_EXPRESS=y
CONFIG_IGB_PCI_EXPRESS=y

# Standbys, disks, the guest agent's port.
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_NET=y
CONFIG_VIRTIO_BLK=y
CONFIG_VIRTIO_SCSI=y
CONFIG_VIRTIO_SERIAL=y
CONFIG_VIRTIO_RNG=y

# A VM that plays a host with SR-IOV: its IOMMU, and its files.
CONFIG_VTD=y
CONFIG_VIRTIO_9P=y

CONFIG_SERIAL_ISA=y
CONFIG_HPET=y
# qtest's own devices.
CONFIG_TEST_DEVICES=y
