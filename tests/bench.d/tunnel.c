/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * tunnel HOST SOCKET VM SSH_CONFIG: the near half of vmfo's tunnel alone, for tests/bench.
 * Says "ready" once SOCKET can be connected to, and ends with its standard input.
 */
#include <stdio.h>
#include <unistd.h>

#include "io/loop.h"
#include "proto/tunnel.h"

static void on_input(void *data, int fd, short revents)
{
	char byte;

	(void)revents;
	*(bool *)data = read(fd, &byte, 1) <= 0;
}

static bool has_ended(void *data)
{
	return *(bool *)data;
}

static int serve(struct loop *loop, char **argv, struct err *err)
{
	static const char *const command[] = { "vmfo", "agent", NULL };
	struct tunnel_spec spec = {
		.listen_path = argv[2], .command = command, .vm = argv[3], .lanes = 1
	};
	struct loop_watch *watch = NULL;
	struct ssh_config *config = NULL;
	struct tunnel *tunnel = NULL;
	bool ended = false;
	int r = ssh_library_init(err);

	if (r == 0)
		r = ssh_config_load(loop, argv[1], argv[4], &config, err);
	spec.ssh = config;
	if (r == 0)
		r = tunnel_open(loop, &spec, deadline_in(20000), &tunnel, err);
	if (r == 0)
		r = loop_watch(loop, STDIN_FILENO, POLLIN, on_input, &ended, &watch, err);
	if (r == 0) {
		puts("ready");
		fflush(stdout);
		r = loop_run(loop, has_ended, &ended, DEADLINE_NEVER, err);
	}
	loop_unwatch(watch);
	if (r == 0 && !tunnel_alive(tunnel, err))
		r = -1;
	tunnel_close(tunnel);
	ssh_config_free(config);
	return r;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct loop *loop;
	int r;

	if (argc != 5) {
		fputs("usage: tunnel HOST SOCKET VM SSH_CONFIG\n", stderr);
		return 2;
	}
	r = loop_new(&loop, &err);
	if (r == 0) {
		r = serve(loop, argv, &err);
		loop_free(loop);
	}
	if (r < 0)
		fprintf(stderr, "tunnel: %s\n", err.msg);
	return r < 0;
}
