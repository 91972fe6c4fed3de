/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/vmdef.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/json_schema.h"
#include "model/text.h"
#include "model/vmdef_unique.h"

/* In bytes, without the NUL. */
#define NAME_MAX_LEN 48
/* Mbit/s, more than any NIC has. */
#define RATE_MAX 10000000

static_assert(sizeof(enum vm_vhost) == sizeof(int) &&
		      sizeof(enum vm_primary_kind) == sizeof(int) &&
		      sizeof(enum vm_link_state) == sizeof(int),
	      "json_schema stores a choice as an int");

/* ---- what texts may look like ---- */

int vm_name_check(const char *name, struct err *err)
{
	char shown[NAME_MAX_LEN + 1];

	if (text_is_made_of(name, "_.-", NAME_MAX_LEN) && *name != '-' && *name != '.')
		return 0;
	snprintf(shown, sizeof(shown), "%s", name);
	str_make_printable(shown);
	return err_set(
		err, ERR_USAGE, EINVAL,
		"\"%s\"%s is no name for a VM: it takes letters, digits, '_', '.' and '-', "
		"not '-' or '.' first, and at most %d of them",
		shown, strlen(name) > NAME_MAX_LEN ? "..." : "", NAME_MAX_LEN);
}

static bool is_name(const char *text)
{
	return vm_name_check(text, NULL) == 0;
}

/*
 * "rp-" and "vmfo-" begin the QEMU ids that are not the operator's: a device's root port,
 * and the guest agent's devices.
 */
static bool is_id(const char *text)
{
	return text_is_label(text) && !str_starts(text, "rp-") && !str_starts(text, "vmfo-");
}

static bool is_machine(const char *text)
{
	return text_is_made_of(text, ".-_", 64) && *text != '-' && *text != '.';
}

static bool is_model(const char *text)
{
	return text_is_made_of(text, "_.-", 64) && *text != '-' && *text != '.';
}

/* As the kernel's dev_valid_name() has it, and no shell or QEMU option looks at more. */
static bool is_uuid(const char *text)
{
	bool zero = true;
	size_t i;

	for (i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' :
			   !text[i] || !strchr("0123456789abcdefABCDEF", text[i]))
			return false;
		if (!dash && text[i] != '0')
			zero = false;
	}
	/* QEMU takes the zero UUID for none, and would let the VM into any other. */
	return !text[i] && !zero;
}

/* ---- the tables ---- */

static const char *const schemas[] = { VMDEF_SCHEMA, NULL };
static const char *const accels[] = { "kvm", "tcg", NULL };
static const char *const formats[] = { "raw", "qcow2", NULL };
static const char *const caches[] = { "none",         "directsync", "writeback",
				      "writethrough", "unsafe",     NULL };
static const char *const vhosts[] = {
	[VM_VHOST_AUTO] = "auto", [VM_VHOST_ON] = "on", [VM_VHOST_OFF] = "off", NULL
};
static const char *const kinds[] = {
	[VM_PRIMARY_EMULATED] = "emulated", [VM_PRIMARY_VF] = "vf", NULL
};
static const char *const link_states[] = { [VM_LINK_AUTO] = "auto",
					   [VM_LINK_ENABLE] = "enable",
					   [VM_LINK_DISABLE] = "disable",
					   [VM_LINK_LEFT] = NULL };

#define ID_EXPECTED TEXT_LABEL_EXPECTED ", not beginning with \"rp-\" or \"vmfo-\""

#define STRING_EXPECTED "a string of at most 4095 bytes, without control characters"

#define AT(owner, member) .offset = offsetof(struct owner, member)
#define TEXT_ROW(k, rule, words) \
	.key = (k), .type = SCHEMA_TEXT, .valid = (rule), .expected = (words)
#define PATH_ROW(k) TEXT_ROW(k, text_is_path, TEXT_PATH_EXPECTED)
#define ID_ROW(owner) TEXT_ROW("id", is_id, ID_EXPECTED), .required = true, AT(owner, id)
#define INT_ROW(k, least, most) .key = (k), .type = SCHEMA_INT, .min = (least), .max = (most)
#define BOOL_ROW(k, otherwise) .key = (k), .type = SCHEMA_BOOL, .absent = (otherwise)
#define OBJECT_ROW(k, table) .key = (k), .type = SCHEMA_OBJECT, .object = &(table)
#define LIST_ROW(k, table, list, most)                                         \
	.key = (k), .type = SCHEMA_OBJECTS, .object = &(table), .max = (most), \
	AT(vmdef, list), .count_offset = offsetof(struct vmdef, n_##list)

/* The two rows that say where a NIC's host side is plugged in. */
#define BRIDGE_ROW(owner, member)                                                       \
	TEXT_ROW("bridge", text_is_link, TEXT_LINK_EXPECTED), AT(owner, member.bridge), \
		.help = "bridge that vmfo makes a tap for"
#define TAP_ROW(owner, member)                                                    \
	TEXT_ROW("tap", text_is_link, TEXT_LINK_EXPECTED), AT(owner, member.tap), \
		.help = "existing tap, connected by the operator"
#define VHOST_ROW(owner, member)                                                     \
	.key = "vhost", .type = SCHEMA_CHOICE, .choices = vhosts, AT(owner, member), \
	.absent = "\"auto\"", .help = "vhost-net: packets by the kernel"
#define QUEUES_ROW(owner, member)                    \
	INT_ROW("queues", 1, 16), AT(owner, member), \
		.absent = "1", .help = "queue pairs of the virtio-net device"

static int check_port(const struct schema_ctx *ctx, const struct json_where *where,
		      const struct vm_port *port)
{
	if (port->bridge && port->tap)
		return schema_fail(
			ctx, where, "tap",
			"both \"bridge\" and \"tap\" are given, expected one of them");
	if (!port->bridge && !port->tap)
		return schema_fail(
			ctx, where, NULL,
			"neither \"bridge\" nor \"tap\" is given, expected one of them");
	return 0;
}

static int check_standby(const struct schema_ctx *ctx, const struct json_where *where,
			 const json_t *object, void *base)
{
	const struct vm_pair *pair = base;

	(void)object;
	return check_port(ctx, where, &pair->standby.port);
}

/* Which keys of a primary only make sense with one kind of it. */
static const struct {
	const char *key;
	enum vm_primary_kind kind;
} primary_keys[] = {
	{ "model", VM_PRIMARY_EMULATED }, { "bridge", VM_PRIMARY_EMULATED },
	{ "tap", VM_PRIMARY_EMULATED },   { "physnet", VM_PRIMARY_VF },
	{ "vlan", VM_PRIMARY_VF },        { "qos", VM_PRIMARY_VF },
	{ "trust", VM_PRIMARY_VF },       { "spoof_check", VM_PRIMARY_VF },
	{ "link_state", VM_PRIMARY_VF },  { "min_rate", VM_PRIMARY_VF },
	{ "max_rate", VM_PRIMARY_VF },
};

/* The rows leave what is absent at zero, which here would mean something. */
static int check_vf(const struct schema_ctx *ctx, const struct json_where *where,
		    const json_t *object, struct vm_primary *primary)
{
	const json_t *spoof_check = json_object_get(object, "spoof_check");

	primary->spoof_check = spoof_check ? json_is_true(spoof_check) : -1;
	if (!json_object_get(object, "link_state"))
		primary->link_state = VM_LINK_LEFT;
	if (!primary->physnet)
		return schema_fail(ctx, where, "physnet",
				   "missing, expected " TEXT_LABEL_EXPECTED);
	if (!primary->vlan && json_object_get(object, "qos"))
		return schema_fail(ctx, where, "qos", "means nothing without a \"vlan\"");
	if (primary->max_rate && primary->min_rate > primary->max_rate)
		return schema_fail(ctx, where, "min_rate",
				   "found %d, more than the %d of \"max_rate\"",
				   primary->min_rate, primary->max_rate);
	return 0;
}

static int check_primary(const struct schema_ctx *ctx, const struct json_where *where,
			 const json_t *object, void *base)
{
	struct vm_pair *pair = base;
	struct vm_primary *primary = &pair->primary;

	for (size_t i = 0; i < ARRAY_SIZE(primary_keys); i++)
		if (primary->kind != primary_keys[i].kind &&
		    json_object_get(object, primary_keys[i].key))
			return schema_fail(
				ctx, where, primary_keys[i].key,
				"belongs to a primary of kind \"%s\", this one is \"%s\"",
				kinds[primary_keys[i].kind], kinds[primary->kind]);
	if (primary->kind == VM_PRIMARY_VF)
		return check_vf(ctx, where, object, primary);
	if (!primary->model) {
		primary->model = strdup("e1000e");
		if (!primary->model)
			return schema_nomem(ctx);
	}
	if (primary->port.bridge || primary->port.tap)
		return check_port(ctx, where, &primary->port);
	if (!pair->standby.port.bridge)
		return schema_fail(
			ctx, where, NULL,
			"\"bridge\" or \"tap\" is missing: the standby has a tap, which "
			"cannot serve both");
	primary->port.bridge = strdup(pair->standby.port.bridge);
	return primary->port.bridge ? 0 : schema_nomem(ctx);
}

static int check_nic(const struct schema_ctx *ctx, const struct json_where *where,
		     const json_t *object, void *base)
{
	const struct vm_nic *nic = base;

	(void)object;
	return check_port(ctx, where, &nic->port);
}

static int check_boot(const struct schema_ctx *ctx, const struct json_where *where,
		      const json_t *object, void *base)
{
	const struct vmdef *def = base;
	const char *alone = json_object_get(object, "initrd") ? "initrd" : "cmdline";

	if (!def->boot.kernel && json_object_get(object, alone))
		return schema_fail(ctx, where, alone, "means nothing without \"kernel\"");
	return 0;
}

static int check_vm(const struct schema_ctx *ctx, const struct json_where *where,
		    const json_t *object, void *base)
{
	(void)object;
	return vmdef_unique_check(ctx, where, base);
}

static const struct schema_field cpu_rows[] = {
	{ TEXT_ROW("model", is_model, "a CPU model of QEMU, like \"Cascadelake-Server\""),
	  .required = true, AT(vmdef, cpu.model), .help = "CPU model" },
	{ INT_ROW("count", 1, 1024), AT(vmdef, cpu.count), .absent = "1",
	  .help = "number of virtual CPUs" },
	{ BOOL_ROW("enforce", "true"), AT(vmdef, cpu.enforce),
	  .help = "do not start where a feature of the model is missing" },
};
static const struct schema_object cpu = { SCHEMA_OBJECT_OF(cpu_rows) };

static const struct schema_field memory_rows[] = {
	{ INT_ROW("mib", 16, 16777216), .required = true, AT(vmdef, memory.mib),
	  .help = "RAM in MiB" },
	{ BOOL_ROW("huge_pages", "false"), AT(vmdef, memory.huge_pages),
	  .help = "RAM from huge pages of the default size" },
	{ BOOL_ROW("preallocated", "true"), AT(vmdef, memory.preallocated),
	  .help = "all RAM is taken at the start" },
};
static const struct schema_object memory = { SCHEMA_OBJECT_OF(memory_rows) };

static const struct schema_field firmware_rows[] = {
	{ PATH_ROW("code"), .required = true, AT(vmdef, boot.firmware_code),
	  .help = "UEFI code, raw" },
	{ PATH_ROW("vars"), AT(vmdef, boot.firmware_vars),
	  .help = "this VM's UEFI variables, raw" },
};
static const struct schema_object firmware = { SCHEMA_OBJECT_OF(firmware_rows) };

static const struct schema_field boot_rows[] = {
	{ PATH_ROW("kernel"), AT(vmdef, boot.kernel),
	  .help = "kernel that is booted directly" },
	{ PATH_ROW("initrd"), AT(vmdef, boot.initrd),
	  .help = "initial RAM disk of the kernel" },
	{ TEXT_ROW("cmdline", NULL, STRING_EXPECTED), AT(vmdef, boot.cmdline),
	  .help = "command line of the kernel" },
	{ OBJECT_ROW("firmware", firmware), .help = "UEFI firmware; SeaBIOS without it" },
};
static const struct schema_object boot = { SCHEMA_OBJECT_OF(boot_rows), .check = check_boot };

static const struct schema_field disk_rows[] = {
	{ ID_ROW(vm_disk), .help = "name of the disk in QEMU" },
	{ PATH_ROW("path"), .required = true, AT(vm_disk, path),
	  .help = "image file, or block device under /dev" },
	{ .key = "format",
	  .type = SCHEMA_TEXT,
	  .choices = formats,
	  .required = true,
	  AT(vm_disk, format),
	  .help = "format of the image" },
	{ .key = "cache",
	  .type = SCHEMA_TEXT,
	  .choices = caches,
	  .absent = "\"none\"",
	  AT(vm_disk, cache),
	  .help = "cache mode" },
	{ BOOL_ROW("readonly", "false"), AT(vm_disk, readonly),
	  .help = "the guest cannot write to it" },
};
static const struct schema_object disk = { SCHEMA_OBJECT_OF(disk_rows),
					   .size = sizeof(struct vm_disk) };

static const struct schema_field media_rows[] = {
	{ ID_ROW(vm_media), .help = "name of the drive in QEMU" },
	{ PATH_ROW("path"), .required = true, AT(vm_media, path), .help = "image, raw" },
};
static const struct schema_object media = { SCHEMA_OBJECT_OF(media_rows),
					    .size = sizeof(struct vm_media) };

static const struct schema_field standby_rows[] = {
	{ BRIDGE_ROW(vm_pair, standby.port) },
	{ TAP_ROW(vm_pair, standby.port) },
	{ VHOST_ROW(vm_pair, standby.vhost) },
	{ QUEUES_ROW(vm_pair, standby.queues) },
};
static const struct schema_object standby = { SCHEMA_OBJECT_OF(standby_rows),
					      .check = check_standby };

static const struct schema_field primary_rows[] = {
	{ .key = "kind",
	  .type = SCHEMA_CHOICE,
	  .choices = kinds,
	  .required = true,
	  AT(vm_pair, primary.kind),
	  .help = "emulated NIC, or pass-through VF" },
	{ TEXT_ROW("model", is_model, "a PCI Express NIC of QEMU, like \"e1000e\""),
	  AT(vm_pair, primary.model), .help = "emulated: QEMU's device; e1000e when absent" },
	{ BRIDGE_ROW(vm_pair, primary.port) },
	{ TAP_ROW(vm_pair, primary.port) },
	{ TEXT_ROW("physnet", text_is_label, TEXT_LABEL_EXPECTED), AT(vm_pair, primary.physnet),
	  .help = "vf: layer-2 network that the VF must be in" },
	{ INT_ROW("vlan", 0, 4094), AT(vm_pair, primary.vlan), .help = "vf: VLAN; 0: none" },
	{ INT_ROW("qos", 0, 7), AT(vm_pair, primary.qos),
	  .help = "vf: priority of its frames in the VLAN" },
	{ .key = "trust",
	  .type = SCHEMA_BOOL,
	  AT(vm_pair, primary.trust),
	  .help = "vf: trusted by the PF" },
	/* Stored by check_vf(). */
	{ .key = "spoof_check",
	  .type = SCHEMA_BOOL,
	  .offset = SCHEMA_UNSTORED,
	  .help = "vf: frames with another source address are dropped; left when absent" },
	{ .key = "link_state",
	  .type = SCHEMA_CHOICE,
	  .choices = link_states,
	  AT(vm_pair, primary.link_state),
	  .help = "vf: link that the guest sees; left when absent" },
	{ INT_ROW("min_rate", 0, RATE_MAX), AT(vm_pair, primary.min_rate),
	  .help = "vf: Mbit/s that it can always send; 0: left" },
	{ INT_ROW("max_rate", 0, RATE_MAX), AT(vm_pair, primary.max_rate),
	  .help = "vf: Mbit/s that it can send at most; 0: left" },
};
static const struct schema_object primary = { SCHEMA_OBJECT_OF(primary_rows),
					      .check = check_primary };

static const struct schema_field pair_rows[] = {
	{ ID_ROW(vm_pair), .help = "name of the standby in QEMU" },
	{ .key = "mac",
	  .type = SCHEMA_MAC,
	  .required = true,
	  AT(vm_pair, mac),
	  .help = "address of both halves" },
	/*
	 * net_failover makes its master with 1500, and sets every half that joins to the
	 * master's; virtio_net takes the MTU it was told for its maximum.
	 */
	{ INT_ROW("mtu", 1500, 65535), AT(vm_pair, mtu), .help = "MTU that the guest is told",
	  .expected = "a guest's net_failover takes no standby that cannot carry 1500" },
	/* The standby first: the primary's bridge follows it. */
	{ OBJECT_ROW("standby", standby), .required = true, .help = "the virtio-net half" },
	{ OBJECT_ROW("primary", primary), .required = true,
	  .help = "the half that is unplugged" },
};
static const struct schema_object pair = { SCHEMA_OBJECT_OF(pair_rows),
					   .size = sizeof(struct vm_pair) };

static const struct schema_field nic_rows[] = {
	{ ID_ROW(vm_nic), .help = "name of the NIC in QEMU" },
	{ .key = "mac",
	  .type = SCHEMA_MAC,
	  .required = true,
	  AT(vm_nic, mac),
	  .help = "Ethernet address" },
	{ INT_ROW("mtu", 68, 65535), AT(vm_nic, mtu), .help = "MTU that the guest is told" },
	{ BRIDGE_ROW(vm_nic, port) },
	{ TAP_ROW(vm_nic, port) },
	{ VHOST_ROW(vm_nic, vhost) },
	{ QUEUES_ROW(vm_nic, queues) },
};
static const struct schema_object nic = { SCHEMA_OBJECT_OF(nic_rows),
					  .size = sizeof(struct vm_nic), .check = check_nic };

static const struct schema_field vm_rows[] = {
	{ .key = "schema",
	  .type = SCHEMA_TEXT,
	  .choices = schemas,
	  .required = true,
	  .offset = SCHEMA_UNSTORED,
	  .help = "version of this format" },
	{ TEXT_ROW("name", is_name,
		   "letters, digits, '_', '.' and '-', at most 48, "
		   "not '-' or '.' first"),
	  .required = true, AT(vmdef, name), .help = "name of the VM" },
	{ TEXT_ROW("uuid", is_uuid,
		   "a UUID that is not zero, like "
		   "\"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\""),
	  .required = true, AT(vmdef, uuid), .help = "identity of the VM" },
	{ TEXT_ROW("machine", is_machine, "a machine type of QEMU, like \"pc-q35-7.2\""),
	  .required = true, AT(vmdef, machine), .help = "versioned machine type" },
	{ .key = "accel",
	  .type = SCHEMA_TEXTS,
	  .choices = accels,
	  .min = 1,
	  .max = 2,
	  AT(vmdef, accel),
	  .count_offset = offsetof(struct vmdef, n_accel),
	  .absent = "[\"kvm\"]",
	  .help = "accelerators, in order of preference" },
	{ OBJECT_ROW("cpu", cpu), .required = true, .help = "virtual CPUs" },
	{ OBJECT_ROW("memory", memory), .required = true, .help = "RAM" },
	{ OBJECT_ROW("boot", boot), .help = "what is booted" },
	{ LIST_ROW("disks", disk, disks, 64), .help = "virtio disks" },
	/* As many as q35 has SATA ports. */
	{ LIST_ROW("media", media, media, 6), .help = "read-only images, as CD drives" },
	{ LIST_ROW("pairs", pair, pairs, 64), .help = "failover pairs" },
	{ LIST_ROW("nics", nic, nics, 64), .help = "virtio NICs without failover" },
	{ BOOL_ROW("serial_log", "false"), AT(vmdef, serial_log),
	  .help = "a serial port, written to serial.log" },
	{ BOOL_ROW("guest_agent", "false"), AT(vmdef, guest_agent),
	  .help = "a channel for the QEMU guest agent" },
	{ TEXT_ROW("qemu", text_is_binary, TEXT_BINARY_EXPECTED), AT(vmdef, qemu),
	  .help = "QEMU binary; host.json's when absent" },
	{ .key = "qemu_args",
	  .type = SCHEMA_TEXTS,
	  .max = 256,
	  .expected = STRING_EXPECTED,
	  AT(vmdef, qemu_args),
	  .count_offset = offsetof(struct vmdef, n_qemu_args),
	  .help = "arguments appended to QEMU's" },
};
static const struct schema_object vm = { SCHEMA_OBJECT_OF(vm_rows),
					 .size = sizeof(struct vmdef), .check = check_vm };

/* ---- the definition ---- */

int vmdef_parse(const char *text, size_t len, const char *file, struct vmdef **out,
		struct err *err)
{
	struct vmdef *def = calloc(1, sizeof(*def));
	int r;

	if (!def)
		return err_nomem(err);
	r = schema_parse(&vm, text, len, VMDEF_MAX_BYTES, file, def, &def->source, err);
	if (r < 0) {
		vmdef_free(def);
		return r;
	}
	/* As QEMU says it, so that the two can be compared. */
	for (char *p = def->uuid; *p; p++)
		if (*p >= 'A' && *p <= 'F')
			*p = (char)(*p - 'A' + 'a');
	*out = def;
	return 0;
}

void vmdef_free(struct vmdef *def)
{
	if (!def)
		return;
	schema_free(&vm, def);
	json_decref(def->source);
	free(def);
}

void vmdef_each_key(void (*fn)(void *data, const char *path, const char *type,
			       const char *help),
		    void *data)
{
	schema_each_key(&vm, fn, data);
}

const char *vm_primary_id(const struct vm_pair *which, char *buf, size_t size)
{
	snprintf(buf, size, "%s-primary", which->id);
	return buf;
}
