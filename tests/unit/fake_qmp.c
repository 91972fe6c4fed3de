/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_qmp.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "tap.h"

static const char greeting[] =
	"{\"QMP\": {\"version\": {\"qemu\": {\"major\": 10, \"minor\": 0, \"micro\": 13}, "
	"\"package\": \"\"}, \"capabilities\": []}}\n";

static const struct fake_qmp_line *find_line(struct fake_qmp *fake, const char *command)
{
	const struct fake_qmp_line *last = NULL;

	for (size_t i = 0; i < fake->n; i++) {
		if (!str_eq(fake->script[i].command, command))
			continue;
		last = &fake->script[i];
		if (fake->used & 1U << i)
			continue;
		fake->used |= 1U << i;
		break;
	}
	return last;
}

static bool say(const struct fake_qmp *fake, const char *text)
{
	return write(fake->fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static void note(struct fake_qmp *fake, const char *command, const json_t *arguments)
{
	_cleanup_free_ char *text = json_dumps(arguments, JSON_COMPACT);
	size_t len = strlen(fake->said);

	snprintf(fake->said + len, sizeof(fake->said) - len, "%s%s%s ", command,
		 text ? " " : "", text ?: "");
}

/* The answer, with what goes along with it, in one write: so that it arrives in one read. */
static bool answer(struct fake_qmp *fake, const struct fake_qmp_line *line, json_int_t id)
{
	const char *text = line ? line->answer : "!no answer to this";
	_cleanup_free_ char *all = NULL;
	bool at_once = line && line->after && !line->wait_ms;
	bool ends = line && line->after && str_eq(line->after, "end");
	bool error = text && *text == '!';

	all = str_printf("%s{\"%s\": %s%s%s, \"id\": %lld}\n%s",
			 line && line->before ? line->before : "", error ? "error" : "return",
			 error ? "{\"class\": \"GenericError\", \"desc\": \"" : "",
			 error ? text + 1 :
			 text  ?:
				 "{}",
			 error ? "\"}" : "", id, at_once && !ends ? line->after : "");
	if (!all || !say(fake, all))
		return false;
	if (ends)
		return false;
	if (!line || !line->after || at_once)
		return true;
	usleep((useconds_t)line->wait_ms * 1000);
	return say(fake, line->after);
}

static bool serve(struct fake_qmp *fake, const char *text)
{
	json_t *request = json_loads(text, 0, NULL);
	const char *command = json_get_text(request, "execute");
	bool goes_on = true;

	if (str_eq(command, "qmp_capabilities")) {
		const struct fake_qmp_line yes = { .command = command };

		goes_on =
			answer(fake, &yes, json_integer_value(json_object_get(request, "id")));
	} else {
		note(fake, command, json_object_get(request, "arguments"));
		goes_on = answer(fake, find_line(fake, command),
				 json_integer_value(json_object_get(request, "id")));
	}
	json_decref(request);
	return goes_on;
}

static void *act(void *data)
{
	struct fake_qmp *fake = data;
	FILE *in = fdopen(dup(fake->fd), "r");
	char line[4096];

	if (in && say(fake, greeting))
		while (fgets(line, sizeof(line), in) && serve(fake, line))
			;
	if (in)
		fclose(in);
	shutdown(fake->fd, SHUT_RDWR);
	return NULL;
}

void fake_qmp_start(struct fake_qmp *fake, const struct fake_qmp_line *script, size_t n)
{
	struct err err = ERR_INIT;
	int fds[2];

	*fake = (struct fake_qmp){ .script = script, .n = n, .vm = { .pidfd = -1 } };
	fake->vm.env = &fake->env;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    loop_new(&fake->env.loop, &err) < 0)
		bail("socketpair");
	fake->fd = fds[1];
	pthread_create(&fake->thread, NULL, act, fake);
	if (qmp_attach(fake->env.loop, fds[0], "the fake", deadline_in(5000), &fake->vm.qmp,
		       &err) < 0)
		bail("%s", err.msg);
}

void fake_qmp_stop(struct fake_qmp *fake)
{
	qmp_close(fake->vm.qmp);
	pthread_join(fake->thread, NULL);
	close(fake->fd);
	loop_free(fake->env.loop);
}
