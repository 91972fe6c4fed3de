/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is gathered for the topology rules, where no rule shows it.
 */
#include "flow/survey.h"

#include "made_host.h"

/* A host with two NUMA nodes; vmfo gets memory of the second. */
static char *make_sysroot(void)
{
	static const char make[] = "mkdir -p '%s/sys/devices/system/node' '%s/proc/self' && "
				   "echo 0-1 >'%s/sys/devices/system/node/online' && "
				   "printf 'Mems_allowed_list:\\t1\\n' >'%s/proc/self/status'";
	char *root = str_printf("%s/sysroot", made_env.statedir);
	_cleanup_free_ char *command = str_printf(make, root, root, root, root);

	if (system(command) != 0)
		bail("%s", command);
	return root;
}

static int node_of(const struct survey_what *what)
{
	struct err err = ERR_INIT;
	struct survey survey;
	int node;

	if (survey_open(&made_env, what, &survey, &err) < 0)
		bail("%s", err.msg);
	node = survey.topo.memory_node;
	survey_close(&survey);
	return node;
}

static void test_memory_node(void)
{
	_cleanup_free_ char *root = NULL;
	struct survey_what what;
	struct vm *vm;

	made_begin(0);
	root = make_sysroot();
	vm = made_vm("a", MADE_VF("net0", "00:01", ""));
	what = (struct survey_what){ .def = vm->def,
				     .qemu = "/var/empty/no-qemu",
				     .sysroot = root };
	is_int(node_of(&what), 1, "the memory of one that is about to start");
	what.no_host = true;
	is_int(node_of(&what), -1, "is nowhere without a host");
	vm_close(vm);
}

int main(void)
{
	test_memory_node();
	made_end();
	return done_testing();
}
