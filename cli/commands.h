/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The descriptors, each at the end of the file of its name.
 */
#ifndef VMFO_CLI_COMMANDS_H
#define VMFO_CLI_COMMANDS_H

#include "command.h"

extern const struct command cmd_launch, cmd_list, cmd_status, cmd_vfs, cmd_stop, cmd_migrate,
	cmd_cancel, cmd_replug, cmd_check_topology, cmd_help, cmd_agent, cmd_guard,
	cmd_describe, cmd_complete;

#endif
