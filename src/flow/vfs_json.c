/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The result of vmfo vfs as JSON, and back: one table for both ways.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/json.h"
#include "flow/vfs.h"

enum kind {
	TEXT,   /* char[]; "" is null */
	NUMBER, /* int, at least 0; -1 is null */
	FACT,   /* enum fact: true, false, null */
	BOOL,
	USER, /* enum vf_user: a name, or null */
};

struct field {
	const char *key;
	enum kind kind;
	size_t offset, size;
};

#define FIELD(type, member, k, name)                                          \
	{                                                                     \
		.key = (name), .kind = (k), .offset = offsetof(type, member), \
		.size = sizeof(((type *)NULL)->member)                        \
	}
#define PF(member, kind, key) FIELD(struct vfs_pf, member, kind, key)
#define VF(member, kind, key) FIELD(struct vfs_vf, member, kind, key)

static const struct field pf_fields[] = {
	PF(physnet, TEXT, "physnet"),       PF(link, TEXT, "link"),
	PF(address, TEXT, "address"),       PF(vendor, TEXT, "vendor"),
	PF(device, TEXT, "device"),         PF(name, TEXT, "name"),
	PF(driver, TEXT, "driver"),         PF(up, FACT, "up"),
	PF(carrier, FACT, "carrier"),       PF(mtu, NUMBER, "mtu"),
	PF(numa_node, NUMBER, "numa_node"), PF(eswitch, TEXT, "eswitch_mode"),
	PF(vfs_total, NUMBER, "vfs_total"), PF(vfs_existing, NUMBER, "vfs_existing"),
	PF(vfs_free, NUMBER, "vfs_free"),   PF(reason, TEXT, "reason"),
};

static const struct field vf_fields[] = {
	VF(index, NUMBER, "index"),
	VF(address, TEXT, "address"),
	VF(vendor, TEXT, "vendor"),
	VF(device, TEXT, "device"),
	VF(name, TEXT, "name"),
	VF(driver, TEXT, "driver"),
	VF(iommu_group, NUMBER, "iommu_group"),
	VF(mac, TEXT, "mac"),
	VF(vlan, NUMBER, "vlan"),
	VF(spoof_check, FACT, "spoof_check"),
	VF(trust, FACT, "trust"),
	VF(link_state, TEXT, "link_state"),
	VF(free, BOOL, "free"),
	VF(reason, TEXT, "reason"),
};

/* Of the member "owner", which is null for nobody. */
static const struct field owner_fields[] = {
	VF(user, USER, "kind"),
	VF(owner, TEXT, "name"),
	VF(pid, NUMBER, "pid"),
};

static const char *const user_names[] = {
	[VF_USER_NONE] = NULL,
	[VF_USER_VM] = "vm",
	[VF_USER_PROCESS] = "process",
	[VF_USER_HOST] = "host",
};

/* ---- out ---- */

static json_t *number_or_null(int number)
{
	return number < 0 ? json_null() : json_integer(number);
}

static json_t *fact_or_null(enum fact fact)
{
	return fact == FACT_UNKNOWN ? json_null() : json_boolean(fact == FACT_YES);
}

static json_t *field_json(const struct field *field, const void *base)
{
	const void *at = (const char *)base + field->offset;

	switch (field->kind) {
	case TEXT:
		return json_text_or_null(*(const char *)at ? at : NULL);
	case NUMBER:
		return number_or_null(*(const int *)at);
	case FACT:
		return fact_or_null(*(const enum fact *)at);
	case BOOL:
		return json_boolean(*(const bool *)at);
	case USER:
		return json_text_or_null(user_names[*(const enum vf_user *)at]);
	}
	return NULL;
}

static json_t *fields_json(const struct field *fields, size_t n, const void *base)
{
	json_t *object = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(object, fields[i].key, field_json(&fields[i], base));
	return object;
}

static json_t *vf_json(const struct vfs_vf *vf)
{
	json_t *object = fields_json(vf_fields, ARRAY_SIZE(vf_fields), vf);
	json_t *owner = json_null();

	if (vf->user != VF_USER_NONE)
		owner = fields_json(owner_fields, ARRAY_SIZE(owner_fields), vf);
	json_object_set_new(object, "group_members", json_of_texts(&vf->group_members));
	json_object_set_new(object, "owner", owner);
	return object;
}

json_t *vfs_json(const struct vfs *vfs)
{
	json_t *pfs = json_array();

	for (size_t i = 0; i < vfs->n_pfs; i++) {
		const struct vfs_pf *pf = &vfs->pfs[i];
		json_t *object = fields_json(pf_fields, ARRAY_SIZE(pf_fields), pf);
		json_t *list = json_array();

		for (size_t j = 0; j < pf->n_vfs; j++)
			json_array_append_new(list, vf_json(&pf->vfs[j]));
		json_object_set_new(object, "vfs", list);
		json_array_append_new(pfs, object);
	}
	return json_pack("{ss so so}", "schema", VFS_SCHEMA, "host",
			 json_text_or_null(*vfs->host ? vfs->host : NULL), "pfs", pfs);
}

/* ---- in ---- */

static bool parse_text(const json_t *json, char *out, size_t size)
{
	if (!json_is_string(json) || json_string_length(json) >= size)
		return false;
	snprintf(out, size, "%s", json_string_value(json));
	str_make_printable(out);
	return true;
}

static bool parse_number(const json_t *json, int *out)
{
	json_int_t number = json_is_integer(json) ? json_integer_value(json) : -1;

	*out = (int)number;
	return number >= 0 && number <= INT_MAX;
}

static bool parse_user(const json_t *json, enum vf_user *out)
{
	const char *name = json_string_value(json);

	for (size_t i = 0; name && i < ARRAY_SIZE(user_names); i++) {
		if (user_names[i] && str_eq(user_names[i], name)) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool parse_field(const struct field *field, const json_t *object, void *base)
{
	const json_t *json = json_object_get(object, field->key);
	void *at = (char *)base + field->offset;
	bool null = json_is_null(json);

	switch (field->kind) {
	case TEXT:
		return null || parse_text(json, at, field->size);
	case NUMBER:
		if (null)
			*(int *)at = -1;
		return null || parse_number(json, at);
	case FACT:
		*(enum fact *)at = null               ? FACT_UNKNOWN :
				   json_is_true(json) ? FACT_YES :
							FACT_NO;
		return null || json_is_boolean(json);
	case BOOL:
		*(bool *)at = json_is_true(json);
		return json_is_boolean(json);
	case USER:
		return parse_user(json, at);
	}
	return false;
}

static bool parse_fields(const struct field *fields, size_t n, const json_t *object, void *base)
{
	for (size_t i = 0; i < n; i++)
		if (!parse_field(&fields[i], object, base))
			return false;
	return true;
}

static bool parse_members(const json_t *list, struct strv *out)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		char address[PCI_ADDRESS_SIZE] = "";

		if (!parse_text(one, address, sizeof(address)))
			return false;
		strv_add(out, address);
	}
	return json_is_array(list) && !out->failed;
}

static bool parse_vf(const json_t *object, struct vfs_vf *vf)
{
	const json_t *owner = json_object_get(object, "owner");

	vf->pid = -1;
	return parse_fields(vf_fields, ARRAY_SIZE(vf_fields), object, vf) &&
	       (json_is_null(owner) ||
		parse_fields(owner_fields, ARRAY_SIZE(owner_fields), owner, vf)) &&
	       parse_members(json_object_get(object, "group_members"), &vf->group_members);
}

static bool parse_pf(const json_t *object, struct vfs_pf *pf)
{
	const json_t *list = json_object_get(object, "vfs"), *one;
	size_t i;

	if (!parse_fields(pf_fields, ARRAY_SIZE(pf_fields), object, pf))
		return false;
	json_array_foreach (list, i, one) {
		struct vfs_vf *vf = vfs_add_vf(pf);

		if (!vf || !parse_vf(one, vf))
			return false;
	}
	return json_is_array(list);
}

int vfs_parse(const json_t *json, struct vfs *out, struct err *err)
{
	static const struct field host = FIELD(struct vfs, host, TEXT, "host");
	const json_t *list = json_object_get(json, "pfs"), *one;
	size_t i;

	*out = (struct vfs){ .n_pfs = 0 };
	if (!json_is_array(list) || !parse_field(&host, json, out))
		return err_set(err, ERR_REFUSED, EPROTO,
			       "its list of PFs is not of the form that was expected");
	json_array_foreach (list, i, one) {
		struct vfs_pf *pf = vfs_add_pf(out);

		if (!pf)
			return err_nomem(err);
		if (!parse_pf(one, pf))
			return err_set(err, ERR_REFUSED, EPROTO,
				       "its PF %zu is not of the form that was expected", i);
	}
	return 0;
}
