/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The far half of a migration, in a process of its own on a host that is made up: what it
 * reserves, and what it leaves alone.
 */
#include "flow/far.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "flow/vf_reserve.h"
#include "flow/vf_use.h"
#include "io/journal.h"
#include "made_host.h"
#include "topology/source_facts.h"

#define NET0 MADE_VF("net0", "00:01", "")
#define MIGRATION "6b1f2c3d-3f5b-4a57-9d0e-5a7d9e0c4e5f"

static struct err err;

/* ---- the agent ---- */

static pid_t agent_pid;
static FILE *agent_in, *agent_out;

static json_t *hear(void)
{
	json_t *message = json_loadf(agent_in, JSON_DISABLE_EOF_CHECK, NULL);

	if (!message)
		bail("the agent says nothing");
	return message;
}

/* It shares no lock with this process that is taken after this. */
static void agent_run(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		bail("socketpair");
	fflush(stdout);
	agent_pid = fork();
	if (agent_pid == 0) {
		close(fds[0]);
		_exit(flow_agent(&made_env, fds[1], fds[1], NULL) < 0);
	}
	close(fds[1]);
	agent_in = fdopen(fds[0], "r");
	agent_out = fdopen(dup(fds[0]), "w");
	json_decref(hear());
}

static void agent_end(void)
{
	int status;

	fclose(agent_out);
	shutdown(fileno(agent_in), SHUT_RDWR);
	fclose(agent_in);
	waitpid(agent_pid, &status, 0);
	is_int(status, 0, "the agent ends");
}

/* params: stolen. */
static void ask(const char *op, json_t *params)
{
	json_t *request = json_pack("{si ss so}", "id", 1, "op", op, "params", params);

	json_dumpf(request, agent_out, 0);
	fputc('\n', agent_out);
	fflush(agent_out);
	json_decref(request);
}

/* The errno that it answers with, 0 for a result; the message into err. */
static int answer(void)
{
	json_t *message = hear();
	const json_t *error = json_object_get(message, "error");
	int r = -(int)json_integer_value(json_object_get(error, "errno"));

	snprintf(err.msg, sizeof(err.msg), "%s", json_get_text(error, "message"));
	json_decref(message);
	return r;
}

/* ---- what it is asked for ---- */

static json_t *wanted_of(const struct vm *vm)
{
	const struct source_facts source = { .running = true };

	return json_pack("{sO ss ss sb so}", "definition", vm->def->source, "migration",
			 MIGRATION, "source_host", "alpha", "hidden", 0, "source",
			 source_facts_json(&source));
}

/* The reservation of a VM "b", which is not here. */
static json_t *wanted(void)
{
	struct vm *vm = made_vm("b", NET0);
	json_t *params = wanted_of(vm);

	vm_remove_rundir(vm, &err);
	vm_close(vm);
	return params;
}

static bool has_folder(void)
{
	_cleanup_free_ char *folder = str_printf("%s/b", made_env.rundir);

	return access(folder, F_OK) == 0;
}

static void test_reserve(void)
{
	made_begin(1);
	agent_run();
	ask("reserve", wanted());
	is_int(answer(), 0, "it reserves %s", err.msg);
	ok(has_folder(), "in the VM's folder");
	ask("abort", json_object());
	is_int(answer(), 0, "and leaves %s", err.msg);
	ok(!has_folder(), "nothing there");
	agent_end();
}

static void test_given_up(void)
{
	_cleanup_free_ char *folder = NULL;
	int64_t begin = clock_ms();
	struct lock *lock;

	made_begin(1);
	folder = str_printf("%s/.host", made_env.rundir);
	agent_run();
	if (lock_take(folder, "reserve", 0, &lock, &err) < 0)
		bail("%s", err.msg);
	ask("reserve", wanted());
	ask("abort", json_object());
	is_int(answer(), -ECANCELED, "one that waits for others is given up");
	is_int(answer(), 0, "the end of it is answered");
	ok(clock_ms() - begin < made_vf_host.lock_ms / 2, "without waiting for them");
	ok(!has_folder(), "and nothing is left");
	lock_release(lock);
	agent_end();
}

/* ---- what stays ---- */

/* One whose start fails after its VF was prepared, and which cannot be given back then. */
static void test_stays(void)
{
	const struct vf_reserve how = { .chosen = NULL };
	struct vm *other, *vm;
	char open_journal[64];

	made_begin(1);
	made.fail = "give";
	made.error = EBUSY;
	agent_run();
	ask("reserve", wanted());
	is_int(answer(), 0, "reserved %s", err.msg);
	ask("start", json_object());
	ok(answer() < 0, "the start fails: %s", err.msg);
	ask("abort", json_object());
	is_int(answer(), 0, "that its VF stays is no failure of an abort %s", err.msg);
	agent_end();
	is_int(journal_find_open(made_env.statedir, "b", open_journal, &err), 0, "its journal");
	is_str(open_journal, "", "is closed");

	made.fail = NULL;
	*made.told = '\0';
	other = made_vm("c", MADE_VF("net0", "00:02", ""));
	is_int(vf_reserve(other, &how, &err), 0, "so who reserves next has the VF %s", err.msg);
	like(made.told, "VM \"b\" has left VFs behind", "which was given back before");
	vm = made_vm("b", NET0);
	ok(!made_has_reservation(vm), "and is reserved no longer");
	vm_close(vm);
	vm_close(other);
}

/* ---- what is there already ---- */

/* "b" is prepared, as if by a vmfo that has crashed since. */
static struct vm *left_behind(void)
{
	const struct vf_reserve how = { .chosen = NULL };
	struct vm *vm = made_vm("b", NET0);

	if (vf_reserve(vm, &how, &err) < 0 || vf_prepare_all(vm, true, &err) < 0)
		bail("%s", err.msg);
	lock_release(steal_ptr(vm->lock));
	return vm;
}

/* The agent is refused, and everything is as it was. */
static void is_left_alone(struct vm *vm, int r, const char *why)
{
	json_t *params = wanted_of(vm);

	agent_run();
	ask("reserve", params);
	is_int(answer(), r, "it is refused");
	like(err.msg, why, "and why");
	agent_end();
	ok(made_has_reservation(vm), "what it has reserved stays reserved");
	vm_close(vm);
}

static void test_in_doubt(void)
{
	struct journal *journal;
	struct vm *vm;

	made_begin(1);
	vm = left_behind();
	if (journal_create(made_env.statedir, "b", MIGRATION, "target", NULL, &journal, &err) <
	    0)
		bail("%s", err.msg);
	journal_abandon(journal);
	is_left_alone(vm, -EUCLEAN, "an earlier migration of it did not finish");
}

static void test_unreadable(void)
{
	_cleanup_free_ char *path = NULL;
	struct vm *vm;
	FILE *file;

	made_begin(1);
	vm = left_behind();
	path = vm_path(vm, "vm.json");
	file = fopen(path, "w");
	fputs("{\"schema\": \"vmfo.run/9\"}", file);
	fclose(file);
	is_left_alone(vm, -EBADMSG, "its schema is \"vmfo.run/9\"");
	ok(access(path, F_OK) == 0, "and so does what cannot be read");
}

int main(void)
{
	test_reserve();
	test_given_up();
	test_stays();
	test_in_doubt();
	test_unreadable();
	made_end();
	return done_testing();
}
