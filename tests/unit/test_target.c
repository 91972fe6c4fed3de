/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A target that could not be reached again: with two pairs, the second is asked for too.
 */
#include "flow/target.h"

#include <errno.h>

#include "tap.h"

int main(void)
{
	char id[] = "net0";
	struct vm_pair pair = { .id = id };
	struct vmdef def = { .memory.mib = 64 };
	struct vm vm = { .def = &def };
	struct pair_result out = { 0 };
	struct target_state state;
	struct err err = ERR_INIT;

	ok(!target_connected(NULL), "it is not connected");
	is_int(target_plug(NULL, &vm, &pair, &out, &err), -EPIPE, "plug fails");
	like(err.msg, "cannot be reached", "and says why");
	is_int(out.state, PAIR_UNKNOWN, "the pair's state is not known");
	is_int(target_query(NULL, &state, &err), -EPIPE, "query fails");
	is_int(target_finish(NULL, &err), -EPIPE, "finish fails");
	is_int(target_abort(NULL, &err), -EPIPE, "abort fails");
	return done_testing();
}
