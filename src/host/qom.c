/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/qom.h"

#include <errno.h>

const char *const qom_device_folders[2] = { "/machine/peripheral", "/machine/peripheral-anon" };

int qom_ask(const struct qom *qom, const char *command, json_t *args, json_t **ret,
	    struct err *err)
{
	int r = qmp_command(qom->qmp, command, args, qom->deadline, ret, err);

	if (r == -EREMOTEIO)
		return 0;
	return r < 0 ? r : 1;
}

int qom_get(const struct qom *qom, const char *path, const char *property, json_t **ret,
	    struct err *err)
{
	return qom_ask(qom, "qom-get", json_pack("{ss ss}", "path", path, "property", property),
		       ret, err);
}

int qom_list(const struct qom *qom, const char *path, json_t **ret, struct err *err)
{
	return qom_ask(qom, "qom-list", json_pack("{ss}", "path", path), ret, err);
}

int qom_children(const struct qom *qom, const char *path, struct qom_child **out, size_t *n,
		 struct err *err)
{
	json_t *list;
	int r = qom_list(qom, path, &list, err);

	*out = NULL;
	*n = 0;
	if (r <= 0)
		return r;
	r = qemu_decode_children(list, path, out, n, err);
	json_decref(list);
	return r;
}
