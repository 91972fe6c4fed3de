/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where a machine's RAM comes from.
 */
#include "base/json.h"
#include "topology/machine_parse.h"

static bool says_on(const struct machine_backend *backend, const char *property)
{
	const json_t *value = json_object_get(backend->props, property);
	const char *text = json_string_value(value);

	return json_is_true(value) || (text && (str_eq(text, "on") || str_eq(text, "yes") ||
						str_eq(text, "true") || str_eq(text, "y")));
}

/* Of a file only the path tells: where hugetlbfs is mounted by custom. */
static bool is_huge(const struct machine_backend *backend)
{
	const char *path = json_get_text(backend->props, "mem-path");

	return (str_eq(backend->type, "memory-backend-memfd") && says_on(backend, "hugetlb")) ||
	       (str_eq(backend->type, "memory-backend-file") && strstr(path, "hugepages"));
}

static const struct machine_backend *find_object(const struct machine *machine, const char *id)
{
	for (size_t i = 0; i < machine->n_objects; i++)
		if (str_eq(machine->objects[i].id, id))
			return &machine->objects[i];
	return NULL;
}

/* Where the RAM comes from: one backend, one of each NUMA node, or -mem-path. */
void machine_find_memory(struct machine_reader *r)
{
	struct machine *machine = r->machine;
	json_t *id = json_object_get(machine->props, "memory-backend");
	bool huge = true, prealloc = true;
	size_t i, n = 0;

	if (id && json_array_size(r->numa) == 0)
		json_array_append(r->numa, id);
	json_array_foreach (r->numa, i, id) {
		const struct machine_backend *backend =
			find_object(machine, json_string_value(id));

		huge = huge && backend && is_huge(backend);
		prealloc = prealloc && backend && says_on(backend, "prealloc");
		n++;
	}
	machine->huge_pages = n ? huge : r->mem_path && strstr(r->mem_path, "hugepages");
	machine->preallocated = r->prealloc || (n && prealloc);
}
