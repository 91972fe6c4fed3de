/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/tunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "proto/tunnel_internal.h"

#define BACKLOG 64

static void on_event(void *data, int fd, short revents)
{
	uint64_t count;

	/* Only to wake the loop: whoever waits looks at the lanes' states. */
	(void)data;
	(void)revents;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
}

static void on_accept(void *data, int fd, short revents)
{
	struct tunnel *tunnel = data;
	struct tunnel_lane *lane = &tunnel->lanes[tunnel->next_lane];
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (conn < 0)
		return;
	tunnel->next_lane = (tunnel->next_lane + 1) % tunnel->n_lanes;
	if (write(lane->out, &conn, sizeof(conn)) != sizeof(conn)) {
		log_warn("tunnel: a connection of QEMU is lost: its lane takes no more");
		close(conn);
	}
}

static int listen_on(struct tunnel *tunnel, const char *path, struct err *err)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(
			err, ERR_USAGE, ENAMETOOLONG,
			"the tunnel's socket %s has a path of over 107 bytes: set VMFO_RUNDIR "
			"to a shorter one",
			path);
	strcpy(sa.sun_path, path);
	tunnel->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (tunnel->listen_fd < 0)
		return err_sys(err, ERR_INTERNAL, errno, "socket");
	/* One that a killed vmfo left: the VM's lock says that there is no other. */
	unlink(path);
	/* Before the bind and not after it: nobody is to slip in between. */
	if (fchmod(tunnel->listen_fd, 0600) < 0 ||
	    bind(tunnel->listen_fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "listen on %s", path);
	tunnel->path = strdup(path);
	if (!tunnel->path)
		return err_nomem(err);
	if (chmod(path, 0600) < 0 || listen(tunnel->listen_fd, BACKLOG) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "listen on %s", path);
	return loop_watch(tunnel->loop, tunnel->listen_fd, POLLIN, on_accept, tunnel,
			  &tunnel->listen_watch, err);
}

static int start_lane(struct tunnel_lane *lane, struct err *err)
{
	sigset_t all, old;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "pipe");
	lane->in = fds[0];
	lane->out = fds[1];
	/* Signals are the first thread's business: its signalfd waits for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	r = pthread_create(&lane->thread, NULL, tunnel_lane_main, lane);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return err_sys(err, ERR_INTERNAL, r, "start a thread");
	lane->started = true;
	return 0;
}

static bool lanes_settled(void *data)
{
	struct tunnel *tunnel = data;
	bool connecting = false, failed = false;

	pthread_mutex_lock(&tunnel->lock);
	for (int i = 0; i < tunnel->n_lanes; i++) {
		connecting |= tunnel->lanes[i].state == LANE_CONNECTING;
		failed |= tunnel->lanes[i].state == LANE_FAILED;
	}
	pthread_mutex_unlock(&tunnel->lock);
	return failed || !connecting;
}

bool tunnel_alive(const struct tunnel *tunnel, struct err *why)
{
	/* The lock is not part of what const promises. */
	pthread_mutex_t *lock = (pthread_mutex_t *)&tunnel->lock;
	bool alive;

	pthread_mutex_lock(lock);
	alive = tunnel->why.errnum == 0;
	if (!alive && why)
		*why = tunnel->why;
	pthread_mutex_unlock(lock);
	return alive;
}

uint64_t tunnel_bytes(const struct tunnel *tunnel)
{
	return atomic_load_explicit(&((struct tunnel *)tunnel)->bytes, memory_order_relaxed);
}

void tunnel_close(struct tunnel *tunnel)
{
	const int stop = TUNNEL_STOP;

	if (!tunnel)
		return;
	loop_unwatch(tunnel->listen_watch);
	loop_unwatch(tunnel->event_watch);
	/* All are told before the first is waited for. */
	for (int i = 0; i < tunnel->n_lanes; i++)
		if (tunnel->lanes[i].started &&
		    write(tunnel->lanes[i].out, &stop, sizeof(stop)) < 0)
			log_warn("tunnel: a lane cannot be told to stop");
	for (int i = 0; i < tunnel->n_lanes; i++) {
		struct tunnel_lane *lane = &tunnel->lanes[i];

		/* The end of the pipe stops it as well. */
		if (lane->out >= 0)
			close(lane->out);
		if (lane->started)
			pthread_join(lane->thread, NULL);
		if (lane->in >= 0)
			close(lane->in);
	}
	if (tunnel->path)
		unlink(tunnel->path);
	if (tunnel->listen_fd >= 0)
		close(tunnel->listen_fd);
	if (tunnel->event_fd >= 0)
		close(tunnel->event_fd);
	free(tunnel->path);
	free(tunnel->lanes);
	free(tunnel->vm);
	strv_clear(&tunnel->command);
	ssh_config_free(tunnel->ssh);
	pthread_mutex_destroy(&tunnel->lock);
	free(tunnel);
}

static void tunnel_closep(struct tunnel **tunnel)
{
	tunnel_close(*tunnel);
}

static int tunnel_new(struct loop *loop, const struct tunnel_spec *spec, struct tunnel **out,
		      struct err *err)
{
	_cleanup_(tunnel_closep) struct tunnel *tunnel = calloc(1, sizeof(*tunnel));
	int r;

	if (!tunnel)
		return err_nomem(err);
	pthread_mutex_init(&tunnel->lock, NULL);
	tunnel->loop = loop;
	tunnel->listen_fd = -1;
	tunnel->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	tunnel->vm = strdup(spec->vm);
	tunnel->lanes = calloc((size_t)spec->lanes, sizeof(*tunnel->lanes));
	for (const char *const *word = spec->command; *word; word++)
		strv_add(&tunnel->command, *word);
	strv_add(&tunnel->command, "--stream");
	if (!tunnel->vm || !tunnel->lanes || tunnel->command.failed)
		return err_nomem(err);
	for (; tunnel->n_lanes < spec->lanes; tunnel->n_lanes++)
		tunnel->lanes[tunnel->n_lanes] =
			(struct tunnel_lane){ .tunnel = tunnel, .in = -1, .out = -1 };
	if (tunnel->event_fd < 0)
		return err_sys(err, ERR_INTERNAL, errno, "eventfd");
	r = ssh_config_copy(spec->ssh, &tunnel->ssh, err);
	if (r == 0)
		r = loop_watch(loop, tunnel->event_fd, POLLIN, on_event, tunnel,
			       &tunnel->event_watch, err);
	if (r < 0)
		return r;
	*out = steal_ptr(tunnel);
	return 0;
}

int tunnel_open(struct loop *loop, const struct tunnel_spec *spec, int64_t deadline,
		struct tunnel **out, struct err *err)
{
	_cleanup_(tunnel_closep) struct tunnel *tunnel = NULL;
	struct err why;
	int r = ssh_library_init(err);

	if (r == 0)
		r = tunnel_new(loop, spec, &tunnel, err);
	if (r == 0)
		r = listen_on(tunnel, spec->listen_path, err);
	for (int i = 0; r == 0 && i < tunnel->n_lanes; i++) {
		tunnel->lanes[i].deadline = deadline;
		r = start_lane(&tunnel->lanes[i], err);
	}
	if (r == 0)
		r = loop_run(loop, lanes_settled, tunnel, deadline, err);
	if (r)
		return err_wrap(err, "open the tunnel");
	if (!tunnel_alive(tunnel, &why)) {
		if (err)
			*err = why;
		err_wrap(err, "open the tunnel");
		return -why.errnum;
	}
	*out = steal_ptr(tunnel);
	return 0;
}
