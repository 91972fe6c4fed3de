/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An agent behind a real sshd: programs that are none, and connections that are cut.
 */
#include "proto/agent.h"

#include "sshd.h"

#define HELLO "echo '{\"vmfo\":\"agent\",\"protocol\":1,\"version\":\"9\"}'; "
#define ECHO "read -r line; echo '{\"id\":1,\"result\":{\"a\":1}}'; "

static struct loop *loop;
static struct sshd sshd;
static struct ssh_config *config;

/* Return: as agent_open() with `sh -c script`, or with program when script is NULL. */
static int start(const char *program, const char *script, int ms, struct agent **agent,
		 struct err *err)
{
	const char *const command[] = { program, script ? "-c" : NULL, script, NULL };
	const struct agent_spec spec = { .host = "beta", .ssh = config, .command = command };

	*agent = NULL;
	*err = (struct err)ERR_INIT;
	return agent_open(loop, &spec, deadline_in(ms), agent, err);
}

static void test_no_agent(void)
{
	struct agent *agent;
	struct err err;

	is_int(start("vmfo-not-there", NULL, 20000, &agent, &err), -ENOENT, "no such command");
	like(err.msg, "no vmfo on beta: its command ended (exit status 127) without a hello",
	     "the message says so");
	like(err.msg, "and said \"", "quotes the shell");
	like(err.msg, "vmfo-not-there", "which names the command");
	like(err.msg, "set agent_command in host.json", "and says what to do");
	is_int(err.kind, ERR_REFUSED, "nothing was changed");
	is_int(start("true", NULL, 20000, &agent, &err), -ENOENT,
	       "a command that says nothing");
	is_int(start("sh", "echo Welcome; echo broken >&2; kill -9 $$", 20000, &agent, &err),
	       -ENOENT, "one that is killed");
	like(err.msg, "signal KILL) without a hello and said \"broken\"",
	     "the message says how");
	is_int(start("sh", "sleep 60", 1500, &agent, &err), -ETIME, "one that is silent");
	is_int(err.kind, ERR_REFUSED, "nothing was changed");
}

static void test_agent(void)
{
	json_t *result = NULL;
	struct agent *agent;
	struct err err;

	is_int(start("sh", "printf 'Last login: never '; " HELLO ECHO "echo late >&2; exit 3",
		     20000, &agent, &err),
	       0, "a hello after noise: %s", err.msg);
	if (!agent)
		return;
	is_str(json_string_value(json_object_get(agent_hello(agent), "version")), "9",
	       "is read");
	is_int(agent_call(agent, "x", NULL, deadline_in(20000), &result, &err), 0, "a call");
	is_int((int)json_integer_value(json_object_get(result, "a")), 1, "has its result");
	json_decref(result);
	is_int(agent_call(agent, "y", NULL, deadline_in(20000), NULL, &err), -EPIPE,
	       "the next finds the agent gone");
	like(err.msg, "the agent on beta has ended (exit status 3), its last words: late",
	     "the message says how");
	ok(!agent_alive(agent, NULL), "it is not alive");
	agent_close(agent);
}

/* The sshd process of the one connection there is, ended from afar. */
static void on_cut(void *data)
{
	(void)data;
	sh("ps -o pid= --ppid %d | xargs -r kill -9", (int)sshd.pid);
}

static void test_cut(void)
{
	struct loop_timer *timer;
	struct agent *agent;
	struct err err;

	if (start("sh", HELLO "sleep 60", 20000, &agent, &err) < 0) {
		ok(false, "a hello: %s", err.msg);
		return;
	}
	loop_timer(loop, 300, on_cut, NULL, &timer, NULL);
	is_int(agent_call(agent, "x", NULL, deadline_in(10000), NULL, &err), -EPIPE,
	       "a connection that is cut while a call waits");
	loop_untimer(timer);
	like(err.msg, "the connection to beta is lost", "the message says so");
	like(err.msg, "(while x was awaited)", "and what was waited for");
	agent_close(agent);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (!sshd_here()) {
		skip(21, SSHD_BINARY " is not installed");
		return done_testing();
	}
	loop_new(&loop, NULL);
	ssh_library_init(NULL);
	sshd_prepare(&sshd, "beta");
	sshd_run(&sshd, "");
	config = sshd_config(&sshd, loop, "beta");
	test_no_agent();
	test_agent();
	test_cut();
	ssh_config_free(config);
	sshd_clean(&sshd);
	loop_free(loop);
	return done_testing();
}
