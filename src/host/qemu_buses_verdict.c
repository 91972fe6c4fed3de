/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What QEMU itself says of its buses, where it can: the code that answers is the one that
 * takes or refuses a primary, so its word outweighs what a bus's handler lets one conclude.
 * Source: qemu-patches/, QAPI query-pci-failover-buses.
 */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/str.h"
#include "host/qemu_buses.h"

/* A path that is longer than struct bus can hold has been cut there. */
static bool is_at(const struct bus *bus, const char *path)
{
	return strncmp(bus->path, path, sizeof(bus->path) - 1) == 0;
}

static void judge(const json_t *entry, struct bus *bus)
{
	const json_t *supported = json_object_get(entry, "supported");
	const char *reason = json_get_text(entry, "reason");

	if (!json_is_boolean(supported))
		return;
	bus->judged = true;
	bus->supported = json_is_true(supported);
	if (bus->supported) {
		bus->partial_unplug = true;
		return;
	}
	snprintf(bus->reason, sizeof(bus->reason), "%s",
		 *reason ? reason : "QEMU says no more than that it cannot");
	str_make_printable(bus->reason);
}

int qemu_buses_ask_verdicts(struct qmp *qmp, int64_t deadline, struct buses *buses,
			    struct err *err)
{
	const json_t *entry;
	json_t *answer;
	size_t i;
	int r = qmp_command(qmp, "query-pci-failover-buses", NULL, deadline, &answer, err);

	if (r == -EREMOTEIO) /* no such command: a QEMU without the patches */
		return 0;
	if (r < 0)
		return err_wrap(err, "query-pci-failover-buses");
	json_array_foreach (answer, i, entry) {
		const char *path = json_get_text(entry, "path");

		for (size_t j = 0; j < buses->n; j++)
			if (is_at(&buses->list[j], path))
				judge(entry, &buses->list[j]);
	}
	json_decref(answer);
	return 0;
}
