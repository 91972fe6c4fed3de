/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/reservation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "io/boot.h"
#include "io/file.h"
#include "io/journal.h"

#define RESERVATION_SCHEMA "vmfo.reservation/1"

/* ---- in memory ---- */

void reservation_cut(struct vm *vm, size_t n)
{
	while (vm->n_vfs > n)
		free(vm->vfs[--vm->n_vfs].pair);
}

void reservation_forget(struct vm *vm)
{
	reservation_cut(vm, 0);
	free(vm->vfs);
	vm->vfs = NULL;
}

int reservation_add(struct vm *vm, const struct vm_pair *pair, struct vm_vf **out,
		    struct err *err)
{
	struct vm_vf *grown = reallocarray(vm->vfs, vm->n_vfs + 1, sizeof(*grown));

	if (!grown)
		return err_nomem(err);
	vm->vfs = grown;
	vm->vfs[vm->n_vfs] = (struct vm_vf){ .pair = strdup(pair->id) };
	if (!vm->vfs[vm->n_vfs].pair)
		return err_nomem(err);
	*out = &vm->vfs[vm->n_vfs++];
	return 0;
}

struct vm_vf *reservation_vf(const struct vm *vm, const struct vm_pair *pair)
{
	for (size_t i = 0; i < vm->n_vfs; i++)
		if (!vm->vfs[i].spare && str_eq(vm->vfs[i].pair, pair->id))
			return &vm->vfs[i];
	return NULL;
}

struct vm_vf *reservation_spare(const struct vm *vm, const struct vm_pair *pair,
				const char *address)
{
	for (size_t i = 0; i < vm->n_vfs; i++) {
		struct vm_vf *vf = &vm->vfs[i];

		if (vf->spare && str_eq(vf->pair, pair->id) && str_eq(vf->address, address))
			return vf;
	}
	return NULL;
}

void reservation_prefer(struct vm *vm, const struct vm_pair *pair, const char *address)
{
	for (size_t i = 0; i < vm->n_vfs; i++)
		if (str_eq(vm->vfs[i].pair, pair->id))
			vm->vfs[i].spare = !str_eq(vm->vfs[i].address, address);
}

/* ---- as JSON ---- */

static json_t *settings_json(const struct vf_settings *s)
{
	char mac[MAC_TEXT_SIZE];

	return json_pack("{si ss si si sb sb si sI sI}", "fields", (int)s->fields, "mac",
			 mac_format(&s->mac, mac), "vlan", s->vlan, "qos", s->qos,
			 "spoof_check", (int)s->spoof_check, "trust", (int)s->trust,
			 "link_state", (int)s->link_state, "min_rate", (json_int_t)s->min_rate,
			 "max_rate", (json_int_t)s->max_rate);
}

static int number(const json_t *object, const char *key)
{
	return (int)json_integer_value(json_object_get(object, key));
}

static void settings_read(const json_t *object, struct vf_settings *out)
{
	*out = (struct vf_settings){
		.fields = (unsigned int)number(object, "fields"),
		.vlan = number(object, "vlan"),
		.qos = number(object, "qos"),
		.spoof_check = json_is_true(json_object_get(object, "spoof_check")),
		.trust = json_is_true(json_object_get(object, "trust")),
		.link_state = (enum vf_link_state)number(object, "link_state"),
		.min_rate = (uint32_t)number(object, "min_rate"),
		.max_rate = (uint32_t)number(object, "max_rate"),
	};
	out->fields &= VF_ALL_FIELDS;
	if (out->link_state > VF_LINK_DISABLE)
		out->fields &= ~(unsigned int)VF_LINK_STATE;
	if (mac_parse(json_get_text(object, "mac"), &out->mac) < 0)
		out->fields &= ~(unsigned int)VF_MAC;
}

static json_t *vfs_json(const struct vm *vm)
{
	json_t *list = json_array();

	for (size_t i = 0; i < vm->n_vfs; i++) {
		const struct vm_vf *vf = &vm->vfs[i];

		json_array_append_new(list,
				      json_pack("{ss ss ss ss si ss sb sb so si sb}", "pair",
						vf->pair, "vf", vf->address, "pf", vf->pf,
						"pf_driver", vf->pf_driver, "index", vf->index,
						"former", vf->former, "bound", (int)vf->bound,
						"set", (int)vf->set, "before",
						settings_json(&vf->before), "unsupported",
						(int)vf->unsupported, "spare", (int)vf->spare));
	}
	return list;
}

static int vfs_read(struct vm *vm, const json_t *list, struct err *err)
{
	const json_t *entry;
	size_t i;

	reservation_forget(vm);
	vm->vfs = calloc(json_array_size(list) ?: 1, sizeof(*vm->vfs));
	if (!vm->vfs)
		return err_nomem(err);
	json_array_foreach (list, i, entry) {
		struct vm_vf *vf = &vm->vfs[i];

		vf->pair = strdup(json_get_text(entry, "pair"));
		vm->n_vfs++;
		if (!vf->pair)
			return err_nomem(err);
		snprintf(vf->address, sizeof(vf->address), "%s", json_get_text(entry, "vf"));
		snprintf(vf->pf, sizeof(vf->pf), "%s", json_get_text(entry, "pf"));
		snprintf(vf->pf_driver, sizeof(vf->pf_driver), "%s",
			 json_get_text(entry, "pf_driver"));
		snprintf(vf->former, sizeof(vf->former), "%s", json_get_text(entry, "former"));
		vf->index = number(entry, "index");
		vf->unsupported = (unsigned int)number(entry, "unsupported");
		vf->bound = json_is_true(json_object_get(entry, "bound"));
		vf->set = json_is_true(json_object_get(entry, "set"));
		vf->spare = json_is_true(json_object_get(entry, "spare"));
		settings_read(json_object_get(entry, "before"), &vf->before);
	}
	return 0;
}

/* ---- the file ---- */

static int read_file(struct vm *vm, const char *path, const json_t *file, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char boot_id[BOOT_ID_SIZE];
	int r;

	if (!str_eq(json_get_text(file, "schema"), RESERVATION_SCHEMA))
		return err_set(err, ERR_INTERNAL, EBADMSG,
			       "read %s: its schema is \"%s\", this vmfo knows \"%s\"", path,
			       json_get_text(file, "schema"), RESERVATION_SCHEMA);
	r = boot_id_read(boot_id, err);
	if (r < 0)
		return r;
	/* What was set then, the boot has undone. */
	if (!str_eq(boot_id, json_get_text(file, "boot_id")))
		return 0;
	if (!vm->def) {
		text = json_dumps(json_object_get(file, "definition"), JSON_INDENT(2));
		if (!text)
			return err_set(err, ERR_INTERNAL, EBADMSG,
				       "read %s: it has no definition", path);
		r = vmdef_parse(text, strlen(text), path, &vm->def, err);
	}
	if (r == 0)
		r = vfs_read(vm, json_object_get(file, "vfs"), err);
	return r < 0 ? r : 1;
}

int reservation_load(struct vm *vm, struct err *err)
{
	_cleanup_free_ char *path = vm_path(vm, "reservation.json");
	json_t *file;
	int r;

	if (!path)
		return err_nomem(err);
	r = file_read_json(path, 2 * VMDEF_MAX_BYTES, &file, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	r = read_file(vm, path, file, err);
	json_decref(file);
	return r;
}

int reservation_save(struct vm *vm, struct err *err)
{
	_cleanup_free_ char *path = vm_path(vm, "reservation.json");
	char boot_id[BOOT_ID_SIZE];
	json_t *file;
	int r;

	if (!path)
		return err_nomem(err);
	r = boot_id_read(boot_id, err);
	if (r < 0)
		return r;
	file = json_pack("{ss ss ss ss sO so}", "schema", RESERVATION_SCHEMA, "vm", vm->name,
			 "uuid", vm->def->uuid, "boot_id", boot_id, "definition",
			 vm->def->source, "vfs", vfs_json(vm));
	if (!file)
		return err_nomem(err);
	r = file_write_json_volatile(path, 0600, file, err);
	json_decref(file);
	return r;
}

int reservation_remove(struct vm *vm, struct err *err)
{
	_cleanup_free_ char *path = vm_path(vm, "reservation.json");

	if (!path)
		return err_nomem(err);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, ERR_INTERNAL, errno, "remove %s", path);
	reservation_forget(vm);
	return 0;
}

int reservation_counts(struct vm *vm, struct err *err)
{
	char id[64], operation[32];
	pid_t holder = 0;
	int r = 0;

	if (vm->pid)
		return 1;
	if (!vm->lock)
		r = lock_holder(vm->rundir, &holder, operation, err);
	if (r < 0 || holder)
		return r < 0 ? r : 1;
	r = journal_find_open(vm->env->statedir, vm->name, id, err);
	return r < 0 ? r : id[0] != '\0';
}
