/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The parts of a command line that may be there many times: -device, -netdev, -object,
 * -global.
 */
#include <errno.h>
#include <stdlib.h>

#include "topology/machine_parse.h"

/* ---- lists ---- */

/* Makes room for one more; room for a power of two of them. */
static int grow(void **list, size_t n, size_t size, struct err *err)
{
	void *grown;

	if (n >= MACHINE_MAX_PARTS)
		return err_set(err, ERR_USAGE, E2BIG,
			       "there are more than %d of this kind, which no machine has",
			       MACHINE_MAX_PARTS);
	if (n & (n - 1))
		return 0;
	grown = realloc(*list, (n ? 2 * n : 1) * size);
	if (!grown)
		return err_nomem(err);
	*list = grown;
	return 0;
}

/* No two devices, and no two netdevs or objects, have one id. */
static int claim_id(json_t *taken, const char *id, struct err *err)
{
	char part[EXCERPT_SIZE];

	if (!id)
		return 0;
	if (json_object_get(taken, id))
		return err_set(err, ERR_USAGE, EINVAL,
			       "the id \"%s\" is taken: QEMU refuses a second one",
			       machine_excerpt(id, part));
	return json_object_set_new(taken, id, json_true()) < 0 ? err_nomem(err) : 0;
}

int machine_take_text(json_t *props, const char *key, char **out, struct err *err)
{
	const char *text = json_string_value(json_object_get(props, key));

	*out = text ? strdup(text) : NULL;
	if (text && !*out)
		return err_nomem(err);
	json_object_del(props, key);
	return 0;
}

/* ---- devices ---- */

/* As JSON an address may be a number as well: slot times eight, and the function. */
static int take_addr(json_t *props, char **out, struct err *err)
{
	const json_t *addr = json_object_get(props, "addr");
	json_int_t devfn = json_integer_value(addr);

	if (!json_is_integer(addr))
		return machine_take_text(props, "addr", out, err);
	/* -1 is QEMU's own choice. */
	if (devfn >= 0 && devfn <= 255) {
		*out = str_printf("0x%x.0x%x", (unsigned int)devfn >> 3,
				  (unsigned int)devfn & 7);
		if (!*out)
			return err_nomem(err);
	}
	json_object_del(props, "addr");
	return 0;
}

/*
 * In JSON a value has to be of the property's own type, and QEMU ends at any other. Those
 * that the rules look at are held to it: what has no meaning to QEMU must not pass here.
 */
static int check_types(const json_t *props, struct err *err)
{
	static const struct {
		const char *key;
		bool text;
	} properties[] = { { "failover", false }, { "failover_pair_id", true },
			   { "host", true },      { "mac", true },
			   { "netdev", true },    { "romfile", true } };

	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		const json_t *value = json_object_get(props, properties[i].key);
		bool text = properties[i].text;

		if (value && !(text ? json_is_string(value) : json_is_boolean(value)))
			return err_set(
				err, ERR_USAGE, EINVAL,
				"\"%s\" has to be %s in JSON, and QEMU takes nothing else",
				properties[i].key, text ? "a string" : "true or false");
	}
	return 0;
}

static int fill_device(struct machine_device *device, struct err *err)
{
	json_t *props = device->props;
	int r = machine_take_text(props, "driver", &device->driver, err);

	if (r == 0 && (!device->driver || !*device->driver))
		return err_set(err, ERR_USAGE, EINVAL,
			       "it names no device: expected DRIVER,PROPERTY=VALUE,…");
	if (r == 0)
		r = machine_take_text(props, "id", &device->id, err);
	if (r == 0)
		r = machine_take_text(props, "bus", &device->bus, err);
	if (r == 0)
		r = take_addr(props, &device->addr, err);
	return r;
}

/* Whether QEMU would take the id of a device or backend that is written as text. */
static int check_id(const char *id, struct err *err)
{
	char part[EXCERPT_SIZE];

	if (!id || machine_is_id(id))
		return 0;
	return err_set(err, ERR_USAGE, EINVAL,
		       "\"%s\" is no id: expected a letter, then letters, digits, '-', '.' "
		       "and '_'",
		       machine_excerpt(id, part));
}

static int add_device(struct machine_device **list, size_t *n, const struct machine_device *one,
		      struct err *err)
{
	void *grown = *list;
	int r = grow(&grown, *n, sizeof(*one), err);

	*list = grown;
	if (r == 0)
		(*list)[(*n)++] = *one;
	return r;
}

int machine_read_device(struct machine_reader *r, const char *text, struct err *err)
{
	struct machine_device device = { .position = r->option };
	bool json = *text == '{';
	int result = machine_parse_option(text, KEYVAL_OPTS, "driver", &device.props, err);

	if (result == 0 && json)
		result = check_types(device.props, err);
	if (result == 0)
		result = fill_device(&device, err);
	if (result == 0 && !json)
		result = check_id(device.id, err);
	if (result == 0)
		result = claim_id(r->device_ids, device.id, err);
	if (result == 0)
		result = json ? add_device(&r->json, &r->n_json, &device, err) :
				add_device(&r->machine->devices, &r->machine->n_devices,
					   &device, err);
	if (result < 0)
		machine_device_clear(&device);
	return result;
}

int machine_order_devices(struct machine_reader *r, struct err *err)
{
	struct machine *machine = r->machine;
	size_t n = machine->n_devices + r->n_json;
	struct machine_device *all = realloc(machine->devices, (n ?: 1) * sizeof(*all));

	if (!all)
		return err_nomem(err);
	machine->devices = all;
	for (size_t i = 0; i < r->n_json; i++)
		all[machine->n_devices++] = r->json[i];
	r->n_json = 0;
	machine->device_index = json_object();
	for (size_t i = 0; i < n; i++) {
		all[i].order = i;
		if (all[i].id && json_object_set_new(machine->device_index, all[i].id,
						     json_integer((json_int_t)i)) < 0)
			return err_nomem(err);
	}
	return machine->device_index ? 0 : err_nomem(err);
}

/* ---- backends ---- */

static int read_backend(const char *text, enum keyval_kind kind, const char *type,
			json_t *taken, struct machine_backend **list, size_t *n,
			struct err *err)
{
	struct machine_backend backend = { 0 };
	void *grown = *list;
	int r = machine_parse_option(text, kind, type, &backend.props, err);

	if (r == 0)
		r = machine_take_text(backend.props, type, &backend.type, err);
	if (r == 0)
		r = machine_take_text(backend.props, "id", &backend.id, err);
	if (r == 0 && (!backend.type || !backend.id))
		r = err_set(err, ERR_USAGE, EINVAL, "it has no %s, which QEMU wants",
			    backend.type ? "id" : "type");
	if (r == 0)
		r = check_id(backend.id, err);
	if (r == 0)
		r = claim_id(taken, backend.id, err);
	if (r == 0)
		r = grow(&grown, *n, sizeof(backend), err);
	*list = grown;
	if (r < 0) {
		free(backend.type);
		free(backend.id);
		json_decref(backend.props);
		return r;
	}
	(*list)[(*n)++] = backend;
	return 0;
}

int machine_read_netdev(struct machine_reader *r, const char *text, struct err *err)
{
	return read_backend(text, KEYVAL_OPTS, "type", r->netdev_ids, &r->machine->netdevs,
			    &r->machine->n_netdevs, err);
}

int machine_read_object(struct machine_reader *r, const char *text, struct err *err)
{
	return read_backend(text, KEYVAL_OPTS, "qom-type", r->object_ids, &r->machine->objects,
			    &r->machine->n_objects, err);
}

/* ---- -global ---- */

/* DRIVER.PROPERTY=VALUE.  Return: 1; 0: it is of the other form. */
static int split_global(const char *text, struct machine_global *global, struct err *err)
{
	size_t driver = strcspn(text, ".="), property;

	if (text[driver] != '.' || driver == 0)
		return 0;
	property = strcspn(text + driver + 1, "=");
	if (text[driver + 1 + property] != '=' || property == 0)
		return 0;
	global->driver = strndup(text, driver);
	global->property = strndup(text + driver + 1, property);
	global->value = strdup(text + driver + property + 2);
	if (!global->driver || !global->property || !global->value)
		return err_nomem(err);
	machine_make_utf8(global->driver);
	machine_make_utf8(global->property);
	machine_make_utf8(global->value);
	return 1;
}

static int parse_global(const char *text, struct machine_global *global, struct err *err)
{
	json_t *props = NULL;
	int r = split_global(text, global, err);

	if (r)
		return r < 0 ? r : 0;
	r = machine_parse_keyval(text, KEYVAL_OPTS, NULL, &props, err);
	if (r == 0)
		r = machine_take_text(props, "driver", &global->driver, err);
	if (r == 0)
		r = machine_take_text(props, "property", &global->property, err);
	if (r == 0)
		r = machine_take_text(props, "value", &global->value, err);
	json_decref(props);
	if (r == 0 && (!global->driver || !global->property || !global->value))
		r = err_set(err, ERR_USAGE, EINVAL,
			    "expected DRIVER.PROPERTY=VALUE, or all of driver=, property= and "
			    "value=");
	return r;
}

static int index_global(struct machine *machine, const struct machine_global *global,
			struct err *err)
{
	json_t *driver = json_object_get(machine->global_index, global->driver);

	if (!driver) {
		driver = json_object();
		if (json_object_set_new(machine->global_index, global->driver, driver) < 0)
			return err_nomem(err);
	}
	return json_object_set_new(driver, global->property, json_string(global->value)) < 0 ?
		       err_nomem(err) :
		       0;
}

int machine_read_global(struct machine_reader *r, const char *text, struct err *err)
{
	struct machine *machine = r->machine;
	struct machine_global global = { 0 };
	void *grown = machine->globals;
	int result = parse_global(text, &global, err);

	if (result == 0)
		result = grow(&grown, machine->n_globals, sizeof(global), err);
	machine->globals = grown;
	if (result == 0)
		result = index_global(machine, &global, err);
	if (result < 0) {
		free(global.driver);
		free(global.property);
		free(global.value);
		return result;
	}
	machine->globals[machine->n_globals++] = global;
	return 0;
}
