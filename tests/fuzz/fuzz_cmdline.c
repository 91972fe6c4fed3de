/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Command lines are given to check-topology from anywhere: a file with one, split, read,
 * and judged by the rules that look at nothing else.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "judge.h"
#include "topology/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything that may be asked of a machine. */
static void ask(const struct machine *machine)
{
	for (size_t i = 0; i < machine->n_devices; i++) {
		const struct machine_device *device = &machine->devices[i];
		int slot = 0, function = 0;
		char buf[64];

		assert(device->driver && *device->driver && device->order == i);
		assert(!device->id || machine_find(machine, device->id) == device);
		machine_device_name(device, buf);
		machine_text(machine, device, "mac", buf);
		machine_bool(machine, device, "failover", false);
		if (machine_parse_addr(device->addr, &slot, &function) == 0)
			assert(slot >= 0 && slot <= 31 && function >= 0 && function <= 7);
	}
	for (size_t i = 0; i < machine->n_netdevs; i++)
		assert(machine_find_netdev(machine, machine->netdevs[i].id) ==
		       &machine->netdevs[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine *machine = NULL;
	struct err err = ERR_INIT;
	struct strv argv = { 0 };
	int r = machine_split_text((const char *)data, size, "fuzz.args", &argv, &err);

	if (r == 0)
		r = machine_from_argv(strv_argv(&argv), argv.n, &machine, &err);
	strv_clear(&argv);
	if (r < 0) {
		if (err.kind != ERR_USAGE || !err.msg[0])
			abort();
		return 0;
	}
	ask(machine);
	judge(&(struct topo){ .machine = machine }, SCOPE(SCOPE_PAIR));
	machine_free(machine);
	return 0;
}
