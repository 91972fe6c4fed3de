/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For the tests of topology rules: facts from the text of a command line, and looks at what
 * the rules made of them. Include tests/unit/tap.h first.
 *
 *	struct topo_build b;
 *
 *	topo_build_text(&b, "qemu-system-x86_64 -machine q35 -device …");
 *	b.topo.host = &host;
 *	topo_build_run(&b, SCOPE(SCOPE_PAIR));
 *	finds(&b, "mac-mismatch", "52:54:00:00:00:01");
 *	topo_build_free(&b);
 */
#ifndef VMFO_TESTS_TOPO_BUILD_H
#define VMFO_TESTS_TOPO_BUILD_H

#include "topology/rule.h"

struct topo_build {
	struct topo topo; /* what is not set by hand is NULL, "not asked" */
	struct findings findings;
	struct machine *machine;
	struct vmdef *def;
};

/* The machine of a command line, split as a shell would. A text that is wrong ends the test. */
struct machine *topo_build_machine(const char *text);

/*
 * The machine of a command line, split as a shell would; the rest of topo is unknown. A text
 * that is wrong ends the test program.
 */
void topo_build_text(struct topo_build *build, const char *text);

/* The same from a definition's JSON, which becomes topo.def. */
void topo_build_definition(struct topo_build *build, const char *json);

/* Runs the rules of the scopes over what topo has now; what was found before is forgotten. */
void topo_build_run(struct topo_build *build, unsigned int scopes);

void topo_build_free(struct topo_build *build);

/* The first finding of a rule whose "found" has text; NULL: none. */
const struct finding *topo_build_find(const struct topo_build *build, const char *rule,
				      const char *text);
size_t topo_build_count(const struct topo_build *build, const char *rule);

/* Why a rule was not checked; NULL: it was. */
const char *topo_build_unknown(const struct topo_build *build, const char *rule);

/* Prints what was found, as comments: why the test before failed. */
bool topo_build_explain(const struct topo_build *build, bool good);

#define finds(build, rule, text)                                                  \
	ok(topo_build_explain(build, topo_build_find(build, rule, text) != NULL), \
	   "%s: found, \"%s\"", rule, text)

#define passes(build, rule)                                                     \
	ok(topo_build_explain(build, topo_build_count(build, rule) == 0 &&      \
					     !topo_build_unknown(build, rule)), \
	   "%s: passes (line %d)", rule, __LINE__)

#define unchecked(build, rule, text)                                                         \
	ok(topo_build_explain(build, topo_build_unknown(build, rule) &&                      \
					     strstr(topo_build_unknown(build, rule), text)), \
	   "%s: not checked, \"%s\"", rule, text)

#endif
