/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the near half's two sides share: the owner (tunnel.c, in the loop that opened the
 * tunnel) and the lanes (tunnel_lane.c, a thread each). They share nothing but this
 * struct's constants, the counter, and what the lock covers; an accepted connection
 * changes hands as a number in the lane's pipe.
 */
#ifndef VMFO_PROTO_TUNNEL_INTERNAL_H
#define VMFO_PROTO_TUNNEL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/str.h"
#include "proto/tunnel.h"

#define TUNNEL_SCHEMA "vmfo.stream/1"
#define TUNNEL_NOISE_MAX (64 * 1024) /* of a login shell, before the far half's line */
#define TUNNEL_BUFFER (256 * 1024)   /* of one direction of one connection */
#define TUNNEL_STOP (-1)             /* in a lane's pipe */

enum lane_state { LANE_CONNECTING, LANE_UP, LANE_FAILED };

struct tunnel_lane {
	struct tunnel *tunnel;
	pthread_t thread;
	bool started;
	int64_t deadline;      /* for connecting */
	int in, out;           /* the pipe: fds of connections, TUNNEL_STOP */
	enum lane_state state; /* under the tunnel's lock */
};

struct tunnel {
	/* Constant while the lanes run. */
	struct ssh_config *ssh;
	struct strv command;
	char *vm;
	int event_fd; /* a lane's state has changed */

	atomic_uint_fast64_t bytes;
	pthread_mutex_t lock;
	struct err why; /* the first failure, under the lock */

	/* The owner's alone. */
	struct loop *loop;
	char *path;
	int listen_fd;
	struct loop_watch *listen_watch, *event_watch;
	struct tunnel_lane *lanes;
	int n_lanes, next_lane;
};

/* A lane's thread; arg: the lane. */
void *tunnel_lane_main(void *arg);

#endif
