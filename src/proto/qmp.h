/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A QMP session: one client on one of QEMU's QMP sockets.
 * Source: QEMU docs/interop/qmp-spec; every command by its QAPI name.
 */
#ifndef VMFO_PROTO_QMP_H
#define VMFO_PROTO_QMP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

struct qmp;

/*
 * Called from the loop, in the order of arrival; data: borrowed, NULL for none. It must
 * not call any function of the session but qmp_alive().
 */
typedef void qmp_event_fn(void *user, const char *event, const json_t *data);

/*
 * Connects to a QMP UNIX socket and negotiates. A socket that another client holds
 * does not greet: that is -ETIMEDOUT, with a message that says so. Others: ENOENT and
 * ECONNREFUSED: nobody listens; EPROTO: no QMP there; EPIPE: it ended meanwhile.
 */
int qmp_connect(struct loop *loop, const char *path, int64_t deadline, struct qmp **out,
		struct err *err);

/*
 * The same over a connected stream socket, which it takes over: it is closed on failure
 * too. name: for messages.
 */
int qmp_attach(struct loop *loop, int fd, const char *name, int64_t deadline, struct qmp **out,
	       struct err *err);

void qmp_close(struct qmp *qmp); /* takes NULL */

/* One that hears every event from qmp_listen() on; it is the caller's, and stays in place. */
struct qmp_listener {
	qmp_event_fn *fn;
	void *user;
	struct qmp_listener *next; /* the session's */
};

/* Not from within an event. qmp_unlisten() takes one that does not listen, too. */
void qmp_listen(struct qmp *qmp, struct qmp_listener *listener);
void qmp_unlisten(struct qmp *qmp, struct qmp_listener *listener);

/* False once the connection has ended: with QEMU, as a rule. */
bool qmp_alive(const struct qmp *qmp);

/*
 * Runs a command and waits for its reply, serving the loop meanwhile.
 * args: stolen, may be NULL. ret: a new reference to "return"; may be NULL.
 * Errors: -EREMOTEIO when QEMU answered with an error (the message is its "desc");
 * -EPIPE when the connection ended; -ETIMEDOUT; -ECANCELED. After the last two the
 * session stays usable, and the late reply is dropped. One command at a time.
 */
int qmp_command(struct qmp *qmp, const char *command, json_t *args, int64_t deadline,
		json_t **ret, struct err *err);

/* The greeting's version as "10.0.2"; borrowed. */
const char *qmp_version(const struct qmp *qmp);

#endif
