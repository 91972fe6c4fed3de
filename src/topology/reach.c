/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/reach.h"

#include <errno.h>

#include "base/str.h"

/* What proto/ says by errno; the message has the particulars. */
static const struct {
	int errnum;
	const char *rule;
} reasons[] = {
	{ EINVAL, "ssh-config" },
	{ EOPNOTSUPP, "ssh-config" },
	{ EIO, "ssh-config" },
	{ EHOSTUNREACH, "ssh-unreachable" },
	{ EHOSTDOWN, "ssh-unreachable" },
	{ ENETUNREACH, "ssh-unreachable" },
	{ ENETDOWN, "ssh-unreachable" },
	{ EADDRNOTAVAIL, "ssh-unreachable" },
	{ ECONNREFUSED, "ssh-unreachable" },
	{ ECONNRESET, "ssh-unreachable" },
	{ ECONNABORTED, "ssh-unreachable" },
	{ ETIMEDOUT, "ssh-unreachable" },
	{ EPIPE, "ssh-unreachable" },
	{ EPROTO, "ssh-unreachable" },
	{ EPROTONOSUPPORT, "ssh-algorithms" },
	{ ENOKEY, "ssh-host-key-unknown" },
	{ EKEYREJECTED, "ssh-host-key-changed" },
	{ EKEYREVOKED, "ssh-host-key-revoked" },
	{ EACCES, "ssh-auth" },
	{ EPERM, "ssh-session" },
	{ ENOENT, "agent-missing" },
	{ ETIME, "agent-missing" },
	{ EBADMSG, "agent-missing" },
	{ EPROTOTYPE, "agent-version" },
};

const char *reach_rule(const struct err *err)
{
	if (err->kind != ERR_REFUSED)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].errnum == err->errnum)
			return reasons[i].rule;
	return NULL;
}
