/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* argp ends the process by itself after --help: then this is what is left to do. */
static void at_exit(void)
{
	if (streams_finish(0) != 0)
		_exit(1);
}

void streams_prepare(void)
{
	/*
	 * A closed stream is opened the wrong way round, so that using it fails as it did
	 * before. Only narration may get lost: it is optional, the result is not.
	 */
	static const int modes[] = { O_WRONLY, O_RDONLY, O_WRONLY };

	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			/* The lowest free number is this one. */
			if (open("/dev/null", modes[fd]) != fd)
				_exit(1);
	signal(SIGPIPE, SIG_IGN);
	atexit(at_exit);
}

int streams_finish(int status)
{
	int failed = ferror(stdout);

	errno = 0;
	if (fflush(stdout) == 0 && !failed)
		return status;
	/* It failed some time ago. Why, a further byte tells: the output is spoilt anyway. */
	if (!errno && write(STDOUT_FILENO, "\n", 1) == 1)
		errno = EIO;
	/* A reader that has seen enough (`| head`) needs no telling. */
	if (errno != EPIPE)
		fprintf(stderr, "vmfo: write to standard output: %s\n", strerror(errno));
	clearerr(stdout);
	return status ? status : 1;
}
