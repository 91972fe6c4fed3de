/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The links of a captured host, from what ip, bridge and devlink wrote there. Whatever is
 * not of the type that they write is as if it were not there.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "host/links_internal.h"
#include "host/sysroot.h"
#include "io/file.h"

#define FILE_MAX ((size_t)64 * 1024 * 1024)
#define VFS_MAX 65535 /* NumVFs of the SR-IOV capability has 16 bits */

/* ---- fields ---- */

static int get_int(const json_t *object, const char *key, json_int_t max)
{
	const json_t *value = json_object_get(object, key);
	json_int_t number = json_integer_value(value);

	return number >= 0 && number <= max ? (int)number : 0;
}

static void get_mac(const json_t *object, const char *key, struct mac *out)
{
	if (mac_parse(json_get_text(object, key), out) < 0)
		*out = (struct mac){ { 0 } };
}

static void get_name(const json_t *object, const char *key, char out[LINK_NAME_SIZE])
{
	const char *name = json_get_text(object, key);

	strcpy(out, link_name_ok(name) ? name : "");
}

static bool has_flag(const json_t *object, const char *flag)
{
	const json_t *flags = json_object_get(object, "flags"), *one;
	size_t i;

	json_array_foreach (flags, i, one)
		if (json_is_string(one) && str_eq(json_string_value(one), flag))
			return true;
	return false;
}

/* ip leaves out what the driver does not say. */
static enum fact get_fact(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_boolean(value))
		return FACT_UNKNOWN;
	return json_is_true(value) ? FACT_YES : FACT_NO;
}

/* ---- VFs ---- */

static enum vf_link_state get_link_state(const json_t *object)
{
	static const char *const names[] = { [VF_LINK_AUTO] = "auto",
					     [VF_LINK_ENABLE] = "enable",
					     [VF_LINK_DISABLE] = "disable" };
	const char *name = json_get_text(object, "link_state");
	unsigned int state = 0;

	while (state < ARRAY_SIZE(names) && !str_eq(names[state], name))
		state++;
	return state < ARRAY_SIZE(names) ? (enum vf_link_state)state : VF_LINK_UNKNOWN;
}

/* "vlan" is in "vlan_list", and was beside it where the kernel had no list. */
static void get_vf_vlan(const json_t *object, struct link_vf *vf)
{
	const json_t *list = json_object_get(object, "vlan_list");

	if (json_is_array(list))
		object = json_array_get(list, 0);
	vf->vlan = get_int(object, "vlan", 4095);
	vf->qos = get_int(object, "qos", 7);
}

static void get_vf_rate(const json_t *object, struct link_vf *vf)
{
	const json_t *rate = json_object_get(object, "rate");

	vf->rate_known = json_is_object(rate);
	vf->min_rate = (uint32_t)get_int(rate, "min_tx", INT32_MAX);
	vf->max_rate = (uint32_t)get_int(rate, "max_tx", INT32_MAX);
}

static int read_vfs(const json_t *object, struct host_link *link)
{
	const json_t *list = json_object_get(object, "vfinfo_list"), *one;
	size_t i, n = json_array_size(list);

	if (n == 0)
		return 0;
	link->vfs = calloc(n < VFS_MAX ? n : VFS_MAX, sizeof(*link->vfs));
	if (!link->vfs)
		return -ENOMEM;
	json_array_foreach (list, i, one) {
		struct link_vf *vf = &link->vfs[link->n_vfs];

		if (link->n_vfs == VFS_MAX)
			break;
		/* Without its number, nobody knows which it is. */
		if (!json_is_integer(json_object_get(one, "vf")))
			continue;
		*vf = (struct link_vf){
			.index = get_int(one, "vf", VFS_MAX),
			.spoofchk = get_fact(one, "spoofchk"),
			.trust = get_fact(one, "trust"),
			.link_state = get_link_state(one),
		};
		get_vf_vlan(one, vf);
		get_vf_rate(one, vf);
		/* An older ip wrote "mac". */
		get_mac(one, json_object_get(one, "address") ? "address" : "mac", &vf->mac);
		link->n_vfs++;
	}
	return 0;
}

/* ---- links ---- */

static void read_linkinfo(const json_t *object, struct host_link *link)
{
	const json_t *info = json_object_get(object, "linkinfo");
	const json_t *data = json_object_get(info, "info_data");
	const char *kind = json_get_text(info, "info_kind");

	if (strlen(kind) < sizeof(link->kind))
		strcpy(link->kind, kind);
	if (str_eq(kind, "bridge")) {
		link->vlan_filtering = get_int(data, "vlan_filtering", 1);
		if (link->vlan_filtering)
			link->pvid = get_int(data, "vlan_default_pvid", 4095);
	}
	if (str_eq(kind, "vlan"))
		link->vlan_id = get_int(data, "id", 4095);
}

static int read_link(const char *sysroot, const json_t *object, struct host_facts *facts)
{
	struct host_link link = { .index = get_int(object, "ifindex", INT32_MAX),
				  .mtu = get_int(object, "mtu", INT32_MAX),
				  .max_mtu = get_int(object, "max_mtu", INT32_MAX),
				  .up = has_flag(object, "UP"),
				  .carrier = has_flag(object, "LOWER_UP") };
	int r;

	get_name(object, "ifname", link.name);
	if (!*link.name)
		return 0;
	get_mac(object, "address", &link.mac);
	get_name(object, "master", link.master);
	read_linkinfo(object, &link);
	/* A veth's other end is not what it lies on. */
	if (!str_eq(link.kind, "veth"))
		get_name(object, "link", link.lower);
	link_set_pci(&link, sysroot, json_get_text(object, "parentbus"),
		     json_get_text(object, "parentdev"),
		     json_get_text(object, "phys_port_name"));
	r = read_vfs(object, &link);
	return r < 0 ? r : links_add(facts, &link);
}

static int read_fdb_entry(const json_t *object, struct host_facts *facts)
{
	const char *state = json_get_text(object, "state");
	struct host_fdb entry = { .vlan = get_int(object, "vlan", 4095),
				  .self = has_flag(object, "self"),
				  .fixed = str_eq(state, "permanent") ||
					   str_eq(state, "static") };

	get_name(object, "ifname", entry.port);
	if (!*entry.port || mac_parse(json_get_text(object, "mac"), &entry.mac) < 0)
		return 0;
	return links_add_fdb(facts, &entry);
}

/* {"dev": {"pci/0000:01:00.0": {"mode": "legacy"}}} */
static void read_eswitch(const json_t *object, struct host_facts *facts)
{
	const json_t *devices = json_object_get(object, "dev");

	for (size_t i = 0; json_is_object(devices) && i < facts->n_links; i++) {
		struct host_link *link = &facts->links[i];
		char key[PCI_ADDRESS_SIZE + 4] = "pci/";
		const json_t *device;

		strcat(key, link->pci);
		device = *link->pci ? json_object_get(devices, key) : NULL;
		if (device)
			link->eswitch = devlink_mode_named(json_get_text(device, "mode"));
	}
}

/* ---- files ---- */

/* Return: 0; -ENOENT; -EFBIG; another one: it is there, and cannot be read. */
static int read_file(const char *sysroot, const char *name, char **text, size_t *len)
{
	_cleanup_free_ char *path = sysroot_path(sysroot, "/vmfo/%s", name);
	struct stat st;

	if (!path)
		return -ENOMEM;
	/* A FIFO would hold it up. */
	if (stat(path, &st) < 0)
		return errno == ENOENT ? -ENOENT : -EACCES;
	return S_ISREG(st.st_mode) ? file_read(path, FILE_MAX, text, len, NULL) : -EINVAL;
}

static int read_array(const char *sysroot, const char *name, json_t **out)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = read_file(sysroot, name, &text, &len);

	if (r < 0)
		return r;
	*out = json_loadb(text, len, 0, NULL);
	return json_is_array(*out) ? 0 : -EBADMSG;
}

static int read_links(const char *sysroot, struct host_facts *facts)
{
	json_auto_t *list = NULL;
	const json_t *one;
	size_t i;
	int r = read_array(sysroot, "links.json", &list);

	json_array_foreach (list, i, one) {
		if (r < 0)
			break;
		r = read_link(sysroot, one, facts);
	}
	return r;
}

static int read_fdb(const char *sysroot, struct host_facts *facts)
{
	json_auto_t *list = NULL;
	const json_t *one;
	size_t i;
	int r = read_array(sysroot, "fdb.json", &list);

	json_array_foreach (list, i, one) {
		if (r < 0)
			break;
		r = read_fdb_entry(one, facts);
	}
	/* Without it, nothing but the entries is unknown. */
	return r == -ENOENT ? 0 : r;
}

/* One object after the other: devlink writes one for each device that it is asked about. */
static int read_devlink(const char *sysroot, struct host_facts *facts)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0, at = 0;
	int r = read_file(sysroot, "devlink.json", &text, &len);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	/* A device that devlink says nothing of is as it always was. */
	for (size_t i = 0; i < facts->n_links; i++)
		if (facts->links[i].n_vfs > 0)
			facts->links[i].eswitch = ESWITCH_LEGACY;
	for (at += strspn(text, " \t\r\n"); at < len; at += strspn(text + at, " \t\r\n")) {
		json_error_t error;
		json_auto_t *object =
			json_loadb(text + at, len - at, JSON_DISABLE_EOF_CHECK, &error);

		if (!json_is_object(object) || error.position <= 0)
			return -EBADMSG;
		read_eswitch(object, facts);
		at += (size_t)error.position;
	}
	return 0;
}

int links_read_json(const char *sysroot, struct host_facts *facts)
{
	int r = read_links(sysroot, facts);

	if (r == 0)
		r = read_fdb(sysroot, facts);
	if (r == 0)
		r = read_devlink(sysroot, facts);
	return r;
}
