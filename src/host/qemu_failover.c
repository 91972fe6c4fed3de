/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/qemu_failover.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/str.h"

/* QEMU's text, which is not trusted, cut to the size. */
static void copy_text(const json_t *entry, const char *key, char *to, size_t size)
{
	snprintf(to, size, "%s", json_get_text(entry, key));
	str_make_printable(to);
}

void qemu_failover_decode_entry(const json_t *entry, struct qemu_failover *out)
{
	out->state = failover_state_from_name(json_get_text(entry, "state"));
	out->negotiated = json_is_true(json_object_get(entry, "negotiated"));
	copy_text(entry, "primary", out->primary, sizeof(out->primary));
	copy_text(entry, "error", out->error, sizeof(out->error));
}

void qemu_failover_decode(const json_t *answer, const char *standby, struct qemu_failover *out)
{
	const json_t *entry;
	size_t i;

	*out = (struct qemu_failover){ .state = FAILOVER_UNKNOWN };
	json_array_foreach (answer, i, entry) {
		if (!str_eq(json_get_text(entry, "standby"), standby))
			continue;
		qemu_failover_decode_entry(entry, out);
		return;
	}
}

int qemu_failover_ask(struct qmp *qmp, const char *standby, int64_t deadline,
		      struct qemu_failover *out, struct err *err)
{
	json_t *answer;
	int r = qmp_command(qmp, "query-failover", NULL, deadline, &answer, err);

	*out = (struct qemu_failover){ .state = FAILOVER_UNKNOWN };
	if (r == -EREMOTEIO)
		return 0;
	if (r < 0)
		return err_wrap(err, "query-failover");
	qemu_failover_decode(answer, standby, out);
	json_decref(answer);
	return out->state != FAILOVER_UNKNOWN;
}
