/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tunnel of a migration stream. Near half: a UNIX socket that the source QEMU
 * connects to; each connection becomes an exec channel to `vmfo agent --stream` on the
 * target, over an SSH connection of its own in a thread of its own, so that control
 * messages never wait behind RAM. Far half: joins its standard input and output to the
 * target QEMU's incoming UNIX socket.
 *
 * In front of the bytes, one line each way: {"schema":"vmfo.stream/1","vm":…}
 * and {"ok":true} or {"ok":false,"message":…}.
 */
#ifndef VMFO_PROTO_TUNNEL_H
#define VMFO_PROTO_TUNNEL_H

#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"
#include "proto/ssh.h"

struct tunnel;

struct tunnel_spec {
	const char *listen_path;      /* UNIX socket for the source QEMU */
	const struct ssh_config *ssh; /* copied */
	const char *const *command;   /* the agent's argv; "--stream" is added */
	const char *vm;
	int lanes; /* SSH connections, a thread each; connections are dealt out in turn */
};

/* Listens, and connects every lane.  Errors: those of ssh_connect(). */
int tunnel_open(struct loop *loop, const struct tunnel_spec *spec, int64_t deadline,
		struct tunnel **out, struct err *err);

/* Bytes carried to the target so far. */
uint64_t tunnel_bytes(const struct tunnel *tunnel);

/*
 * Whether every lane is alive; why: the first failure (may be NULL). When one is lost
 * the tunnel keeps QEMU's sockets open, silent, until tunnel_close(): QEMU must not see
 * its stream fail, and plug the primary again, before the datapath is back.
 */
bool tunnel_alive(const struct tunnel *tunnel, struct err *why);

void tunnel_close(struct tunnel *tunnel); /* joins the threads; takes NULL */

/*
 * The far half, until both directions have ended. The VM's incoming socket is
 * RUNDIR/VM/incoming.sock.  Return: 0 or the failure, which was also sent back.
 */
int tunnel_serve(int in_fd, int out_fd, const char *rundir, struct err *err);

#endif
