/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "render.h"

/* text: stolen; another host wrote part of it. NULL: there is no memory for it. */
static void put_line(int indent, char *text)
{
	_cleanup_free_ char *line = text;

	if (!line)
		return;
	str_make_printable(line);
	printf("%*s%s\n", indent, "", line);
}

/* Of one PF, and for one reason not taken. */
static bool is_alike(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "pf"), json_object_get(b, "pf")) &&
	       json_equal(json_object_get(a, "reason"), json_object_get(b, "reason"));
}

/* The candidate number first, and those behind it that are alike. */
static void put_alike(const json_t *candidates, size_t first, int indent)
{
	const json_t *one = json_array_get(candidates, first);
	_cleanup_free_ char *names = NULL;
	struct strv vfs = { 0 };

	for (size_t i = first; i < json_array_size(candidates); i++) {
		const json_t *other = json_array_get(candidates, i);

		/* A PF that offers none stands for itself. */
		if (is_alike(one, other) && *json_get_text(other, "vf"))
			strv_add(&vfs, json_get_text(other, "vf"));
	}
	names = vfs.n ? strv_join(&vfs, ", ") : NULL;
	put_line(indent, str_printf("not %s%sPF %s: %s", names ?: "", names ? " of " : "",
				    json_get_text(one, "pf"), json_get_text(one, "reason")));
	strv_clear(&vfs);
}

static void put_unfit(const json_t *candidates, int indent)
{
	const json_t *one;
	size_t i;

	json_array_foreach (candidates, i, one) {
		bool told = json_is_true(json_object_get(one, "fits"));

		for (size_t j = 0; j < i && !told; j++)
			told = is_alike(json_array_get(candidates, j), one);
		if (!told)
			put_alike(candidates, i, indent);
	}
}

void render_devices(const json_t *devices, int indent)
{
	const json_t *device;
	size_t i;

	json_array_foreach (devices, i, device) {
		const char *primary = json_get_text(device, "primary");

		put_line(indent, str_printf("on the target, pair %s: %s%s",
					    json_get_text(device, "pair"),
					    *primary ? "primary " : "no primary", primary));
		put_unfit(json_object_get(device, "candidates"), indent + 2);
	}
}
