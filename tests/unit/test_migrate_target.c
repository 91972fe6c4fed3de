/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a migration's source makes of what its target says, or does not say. The target is a
 * shell behind a real sshd.
 */
#include <errno.h>

#include "flow/migration.h"
#include "flow/vf_reserve.h"
#include "flow/vf_use.h"
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
#define AGREE "echo '{" Q "id" Q ":1," Q "result" Q ":{}}'; "
#define STAY "read -r line"
#define BACK                                                         \
	"mac pf0 0 00:00:00:00:00:00, give 0000:01:10.0 igbvf, mac " \
	"pf0 0 00:00:00:00:00:00"

static struct sshd sshd;
static struct result result;

/* One whose target's agent is a shell's script. */
static void begin(struct migration *m, const char *script)
{
	_cleanup_free_ char *text = NULL;
	struct err err = ERR_INIT;

	made_begin(1);
	text = str_printf(
		"{\"schema\": \"vmfo.host/1\", \"physnets\": [{\"id\": \"prod\", \"pfs\": "
		"[\"pf0\"]}], \"ssh\": {\"config\": \"%s/ssh_config\"}, \"agent_command\": "
		"[\"sh\", \"-c\", \"%s\"]}",
		sshd.dir, script);
	hostdef_free(made_env.host);
	if (hostdef_parse(text, strlen(text), "host.json", &made_env.host, &err) < 0)
		bail("%s", err.msg);
	*m = (struct migration){ .opts.host = "beta", .source_facts = json_object() };
	run_begin(&m->run, &made_env, "vmfo.migrate/1", "a", &result, &err);
	m->vm = made_vm("a", MADE_VF("net0", "00:01", ""));
	if (target_open(&made_env, "beta", &m->target, &err) < 0)
		bail("%s", err.msg);
}

static void end(struct migration *m)
{
	target_close(m->target);
	vm_close(m->vm);
	json_decref(m->source_facts);
	result_clear(&result);
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

/* ---- the end ---- */

/* It runs on beta; its VF here is to be given back. */
static void begin_to_finish(struct migration *m, const char *script)
{
	const struct vf_reserve how = { .chosen = NULL };
	struct err err = ERR_INIT;

	begin(m, script);
	if (vf_reserve(m->vm, &how, &err) < 0 || vf_prepare_all(m->vm, true, &err) < 0)
		bail("%s", err.msg);
	*made.log = '\0';
}

static void test_finish(void)
{
	struct err err = ERR_INIT;
	struct migration m;

	begin_to_finish(&m, HELLO AGREE STAY);
	is_int(migrate_finish(&m, &err), 0, "both are done");
	LOGGED(BACK, "the VF is given back");
	ok(result.status == ERR_NONE && !made_has_reservation(m.vm), "and nothing stays");
	end(&m);

	begin_to_finish(&m, HELLO AGREE STAY);
	made.fail = "give";
	made.error = EBUSY;
	is_int(migrate_finish(&m, &err), 0, "a VF that is not let go of");
	ok(result.status == ERR_NONE && result.warnings.n == 1, "is only told");
	like(result.warnings.v[0],
	     "VM \"a\" has left something on this host: give VF 0000:01:10.0 back: ",
	     "as that");
	ok(made_has_reservation(m.vm), "and stays reserved");
	end(&m);

	begin_to_finish(&m, HELLO REFUSE STAY);
	is_int(migrate_finish(&m, &err), 0, "a target that cannot finish");
	is_str(result.reason,
	       "it runs on beta, but the end of its migration could not be written down: beta: "
	       "no VF",
	       "is told");
	is_int(result.status, ERR_UNFINISHED, "and not the end");
	LOGGED(BACK, "the VF is given back all the same");
	end(&m);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (!sshd_here()) {
		skip(17, SSHD_BINARY " is not installed");
		return done_testing();
	}
	ssh_library_init(NULL);
	sshd_prepare(&sshd, "beta");
	sshd_run(&sshd, "");
	test_refused();
	test_not_awaited();
	test_finish();
	sshd_clean(&sshd);
	return done_testing();
}
