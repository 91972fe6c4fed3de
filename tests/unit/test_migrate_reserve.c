/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A migration's source that asks its target to reserve: when it says that nothing was
 * changed there. The target is a shell behind a real sshd.
 */
#include <errno.h>

#include "flow/migration.h"
#include "made_host.h"
#include "sshd.h"

/* As JSON in a shell's quotes in JSON has it. */
#define Q "\\\""
#define HELLO                                                                             \
	"echo '{" Q "vmfo" Q ":" Q "agent" Q "," Q "protocol" Q ":1," Q "version" Q ":" Q \
	"9" Q "}'; read -r line; "
#define REFUSE                                                                                 \
	"echo '{" Q "id" Q ":1," Q "error" Q ":{" Q "kind" Q ":" Q "refused" Q "," Q "errno" Q \
	":19," Q "message" Q ":" Q "no VF" Q "}}'; "
#define STAY "read -r line"

static struct sshd sshd;

/* One whose target's agent is a shell's script. */
static void begin(struct migration *m, const char *script)
{
	_cleanup_free_ char *text = NULL;
	struct err err = ERR_INIT;

	made_begin(1);
	text = str_printf("{\"schema\": \"vmfo.host/1\", \"ssh\": {\"config\": "
			  "\"%s/ssh_config\"}, \"agent_command\": [\"sh\", \"-c\", \"%s\"]}",
			  sshd.dir, script);
	hostdef_free(made_env.host);
	if (hostdef_parse(text, strlen(text), "host.json", &made_env.host, &err) < 0)
		bail("%s", err.msg);
	*m = (struct migration){ .run.env = &made_env, .source_facts = json_object() };
	m->vm = made_vm("a", MADE_VF("net0", "00:01", ""));
	if (target_open(&made_env, "beta", &m->target, &err) < 0)
		bail("%s", err.msg);
}

static void end(struct migration *m)
{
	target_close(m->target);
	vm_close(m->vm);
	json_decref(m->source_facts);
	made_end();
}

static void test_refused(void)
{
	struct err err = ERR_INIT;
	struct migration m;

	begin(&m, HELLO REFUSE STAY);
	is_int(migrate_reserve(&m, &err), -ENODEV, "a target that refuses");
	is_str(err.msg, "beta: no VF", "and says why");
	ok(m.turned_away, "has changed nothing");
	end(&m);
}

static void cancel(void *data)
{
	loop_cancel(data, "interrupted (SIGINT)");
}

static void test_not_awaited(void)
{
	struct err err = ERR_INIT;
	struct loop_timer *timer;
	struct migration m;

	begin(&m, HELLO STAY);
	loop_timer(made_env.loop, 100, cancel, made_env.loop, &timer, &err);
	is_int(migrate_reserve(&m, &err), -ECANCELED, "a target that was not waited for");
	ok(target_connected(m.target), "is there");
	ok(!m.turned_away, "and may reserve yet");
	loop_untimer(timer);
	end(&m);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (!sshd_here()) {
		skip(6, SSHD_BINARY " is not installed");
		return done_testing();
	}
	ssh_library_init(NULL);
	sshd_prepare(&sshd, "beta");
	sshd_run(&sshd, "");
	test_refused();
	test_not_awaited();
	sshd_clean(&sshd);
	return done_testing();
}
