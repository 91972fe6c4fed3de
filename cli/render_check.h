/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The topology rules and what they found, for people and as JSON. Those on standard
 * output return 0, or -ENOMEM.
 */
#ifndef VMFO_CLI_RENDER_CHECK_H
#define VMFO_CLI_RENDER_CHECK_H

#include <jansson.h>
#include <stdbool.h>

#include "flow/check.h"
#include "topology/buses.h"
#include "topology/rule.h"

/* Several lines, the last without a newline; freed by the caller. NULL: out of memory. */
char *render_finding_text(const struct finding *finding);

int render_check(const struct check_result *result, bool json);
int render_buses(const struct buses *buses, const char *version, bool json);
int render_rules(bool json);
int render_rule(const struct rule *rule, bool json);

/* {name, severity, scope, summary, why, remedy, source}; new. */
json_t *render_rule_json(const struct rule *rule);

#endif
