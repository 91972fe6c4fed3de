/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The way back of a migration, against a QMP peer that plays the source QEMU: real QEMUs
 * do not come to these ends on demand.
 */
#include "flow/source.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "tap.h"

/* What the peer answers: each list from its start, its last entry for ever. */
struct play {
	const char *migrate[8]; /* status of query-migrate; "end" closes the connection */
	const char *run[8];     /* status of query-status */
};

struct peer {
	int fd;
	const struct play *play;
	char said[512]; /* the commands that it got, but for the queries */
};

static const char *next(const char *const *list, size_t *at)
{
	const char *now = list[*at];

	if (*at < 7 && list[*at + 1])
		++*at;
	return now;
}

/* False: it hangs up. */
static bool answer(struct peer *peer, const char *line, size_t *migrate, size_t *run)
{
	char reply[256], name[64] = "";
	const char *status = NULL;
	json_t *request = json_loads(line, 0, NULL);

	snprintf(name, sizeof(name), "%s",
		 json_string_value(json_object_get(request, "execute")) ?: "?");
	if (str_eq(name, "query-migrate"))
		status = next(peer->play->migrate, migrate);
	else if (str_eq(name, "query-status"))
		status = next(peer->play->run, run);
	else if (!str_eq(name, "qmp_capabilities"))
		strncat(strncat(peer->said, name, 64), " ", 2);
	if (status && str_eq(status, "end")) {
		json_decref(request);
		return false;
	}
	snprintf(reply, sizeof(reply), "{\"return\": {%s%s%s}, \"id\": %d}\n",
		 status ? "\"status\": \"" : "", status ?: "", status ? "\"" : "",
		 (int)json_integer_value(json_object_get(request, "id")));
	json_decref(request);
	return write(peer->fd, reply, strlen(reply)) > 0;
}

static void *act(void *data)
{
	static const char greeting[] =
		"{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7, \"minor\": 2, \"micro\": 0}, "
		"\"package\": \"\"}, \"capabilities\": []}}\n";
	struct peer *peer = data;
	size_t migrate = 0, run = 0;
	FILE *in = fdopen(dup(peer->fd), "r");
	char line[4096];

	if (in && write(peer->fd, greeting, strlen(greeting)) > 0)
		while (fgets(line, sizeof(line), in) && answer(peer, line, &migrate, &run))
			;
	if (in)
		fclose(in);
	shutdown(peer->fd, SHUT_RDWR);
	return NULL;
}

/* source_cancel() against that play.  Return: its own. */
static int cancel(const struct play *play, char said[512], struct err *err)
{
	struct flow_env env = { 0 };
	struct vm vm = { .env = &env, .pidfd = -1 };
	struct peer peer = { .play = play };
	struct source source;
	pthread_t thread;
	int fds[2], r;

	*err = (struct err)ERR_INIT;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    loop_new(&env.loop, err) < 0)
		bail("socketpair");
	peer.fd = fds[1];
	pthread_create(&thread, NULL, act, &peer);
	if (qmp_attach(env.loop, fds[0], "the peer", deadline_in(5000), &vm.qmp, err) < 0)
		bail("%s", err->msg);
	source_watch(&source, &vm);
	r = source_cancel(&source, err);
	source_clear(&source);
	qmp_close(vm.qmp);
	pthread_join(thread, NULL);
	close(peer.fd);
	loop_free(env.loop);
	memcpy(said, peer.said, sizeof(peer.said));
	return r;
}

int main(void)
{
	char said[512];
	struct err err;

	is_int(cancel(&(struct play){ { "active", "cancelling", "cancelled" }, { "running" } },
		      said, &err),
	       0, "in flight: it is cancelled");
	is_str(said, "migrate_cancel ", "by one migrate_cancel");

	is_int(cancel(&(struct play){ { "pre-switchover", "cancelled" },
				      { "finish-migrate", "running" } },
		      said, &err),
	       0, "in pre-switchover, too; QEMU runs the guest again by itself");
	is_str(said, "migrate_cancel ", "and is not told to");

	is_int(cancel(&(struct play){ { "completed" }, { "postmigrate" } }, said, &err),
	       -EALREADY, "completed: it is too late");
	is_str(said, "", "nothing is cancelled, and above all nothing is run");

	is_int(cancel(&(struct play){ { "device", "completed" }, { "postmigrate" } }, said,
		      &err),
	       -EALREADY, "completed while it is being cancelled: it is too late");
	is_str(said, "migrate_cancel ", "and the guest is not run");

	is_int(cancel(&(struct play){ { "failed" }, { "running" } }, said, &err), 0,
	       "failed by itself: it runs");
	is_str(said, "", "there is nothing to cancel");

	is_int(cancel(&(struct play){ { "active", "cancelled" }, { "paused" } }, said, &err), 0,
	       "a guest that its operator stopped");
	is_str(said, "migrate_cancel ", "stays stopped");

	is_int(cancel(&(struct play){ { "active", "cancelled" }, { "finish-migrate" } }, said,
		      &err),
	       0, "a guest that QEMU does not run again");
	is_str(said, "migrate_cancel cont ", "is run: nobody else can have it");

	is_int(cancel(&(struct play){ { "active", "end" }, { "running" } }, said, &err), -EPIPE,
	       "QEMU ends in it");
	is_int(err.kind, ERR_UNFINISHED, "which settles nothing");
	like(err.msg, "the source QEMU has ended", "and is said");

	return done_testing();
}
