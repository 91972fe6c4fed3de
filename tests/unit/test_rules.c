/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tables of rules, and who is run over what is known.
 */
#include <ctype.h>
#include <errno.h>

#include "base/cleanup.h"
#include "tap.h"
#include "topo_build.h"

#define ALL_SCOPES                                                                        \
	(SCOPE(SCOPE_PAIR) | SCOPE(SCOPE_QEMU) | SCOPE(SCOPE_HOST) | SCOPE(SCOPE_GUEST) | \
	 SCOPE(SCOPE_TARGET) | SCOPE(SCOPE_REACH))

#define PAIR                                                                           \
	"qemu -machine pc-q35-7.2 -device virtio-net-pci,id=net0,failover=on -device " \
	"e1000e,id=p0,failover_pair_id=net0"

static void count_rule(void *data, const struct rule *rule)
{
	(void)rule;
	++*(size_t *)data;
}

static bool is_sentences(const char *text)
{
	size_t len = strlen(text);

	return len > 1 && text[len - 1] == '.' && !strstr(text, "  ");
}

static void check_row(void *data, const struct rule *rule)
{
	bool good = rule->summary && rule->why && rule->remedy && rule->source;

	(void)data;
	for (const char *c = rule->name; *c; c++)
		good = good &&
		       (islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '-');
	good = good && is_sentences(rule->why) && is_sentences(rule->remedy) && *rule->source &&
	       *rule->summary && rule->summary[strlen(rule->summary) - 1] != '.' &&
	       !strchr(rule->summary, '\n');
	ok(good, "%s has all its texts", rule->name);
	ok(rule_find(rule->name) == rule, "and no other rule has its name");
	ok((rule->scope == SCOPE_REACH) == !rule->check,
	   "it is checked, unless it is met with");
	ok(rule->needs < NEEDS(TOPO_PARTS), "it needs what there is");
	ok(rule->scope != SCOPE_TARGET || rule->needs & NEEDS(TOPO_SOURCE),
	   "a target's needs the source");
}

static void test_tables(void)
{
	size_t n = 0;

	rule_each(count_rule, &n);
	ok(n > 60, "there are %zu rules", n);
	rule_each(check_row, NULL);
	ok(!rule_find("no-such-rule"), "a name that is none");
	ok(!rule_find(""), "the row that ends a table is none");
	for (int scope = SCOPE_PAIR; scope <= SCOPE_REACH; scope++)
		ok(*rule_scope_name((enum rule_scope)scope), "scope %d is called %s", scope,
		   rule_scope_name((enum rule_scope)scope));
}

/* A rule of that scope neither found anything nor was left unchecked, unless it may. */
static void check_scope(const struct topo_build *b, unsigned int scopes)
{
	bool good = true;

	for (size_t i = 0; i < b->findings.n; i++)
		good = good && scopes & SCOPE(rule_find(b->findings.list[i].rule)->scope);
	for (size_t i = 0; i < b->findings.n_not_checked; i++)
		good = good &&
		       scopes & SCOPE(rule_find(b->findings.not_checked[i].rule)->scope);
	ok(topo_build_explain(b, good), "scopes %#x: no other rule is asked", scopes);
}

static void test_scopes(void)
{
	struct topo_build b;

	topo_build_text(&b, PAIR);
	for (unsigned int scope = SCOPE_PAIR; scope <= SCOPE_REACH; scope++) {
		topo_build_run(&b, SCOPE(scope));
		check_scope(&b, SCOPE(scope));
		ok(scope == SCOPE_REACH || b.findings.n + b.findings.n_not_checked > 0,
		   "those of the scope %s are", rule_scope_name((enum rule_scope)scope));
	}
	topo_build_run(&b, 0);
	ok(b.findings.n + b.findings.n_not_checked == 0, "of no scope there is none");
	topo_build_free(&b);
}

struct missing {
	const struct topo_build *b;
	enum topo_part part;
	size_t n;
	bool good;
};

/* Every rule that needs the part says why it is not there, all others do not. */
static void look_at_reason(void *data, const struct rule *rule)
{
	struct missing *missing = data;
	const char *reason = topo_build_unknown(missing->b, rule->name);
	bool needs = rule->needs & NEEDS(missing->part);

	/* Of several parts that are missing the first is told. */
	if (!rule->check || rule->needs & (NEEDS(missing->part) - 1))
		return;
	missing->n += needs;
	if (needs && !(reason && str_eq(reason, "this part is missing")))
		missing->good = false;
	if (needs && topo_build_count(missing->b, rule->name))
		missing->good = false;
	if (!missing->good)
		printf("# %s: %s\n", rule->name, reason ?: "(checked)");
}

/* Without anything: each part's rules give the part's own reason. */
static void test_parts(void)
{
	size_t n = 0;

	for (unsigned int part = 0; part < TOPO_PARTS; part++) {
		struct topo_build b = { 0 };
		struct missing missing = { &b, (enum topo_part)part, 0, true };

		b.topo.why_not[part] = "this part is missing";
		topo_build_run(&b, ALL_SCOPES);
		rule_each(look_at_reason, &missing);
		ok(missing.good, "%zu rules need part %u first, and say why it is not there",
		   missing.n, part);
		n += missing.n;
		topo_build_free(&b);
	}
	ok(n > 60, "%zu rules need something", n);
}

static void test_order_of_reasons(void)
{
	struct topo_build b = { 0 };

	b.topo.why_not[TOPO_MACHINE] = "no machine";
	b.topo.why_not[TOPO_HOST] = "no host";
	topo_build_run(&b, ALL_SCOPES);
	is_str(topo_build_unknown(&b, "memory-short"), "no machine",
	       "of two parts that are missing the first is told");
	is_str(topo_build_unknown(&b, "vf-mac"), "no host", "what it does not need is not");
	is_str(topo_build_unknown(&b, "machine-unsupported"), "it was not asked for",
	       "a part without a reason was not asked for");
	topo_build_free(&b);

	topo_build_text(&b, PAIR);
	b.topo.why_not[TOPO_HOST] = "no host";
	topo_build_run(&b, ALL_SCOPES);
	is_str(topo_build_unknown(&b, "memory-short"), "no host",
	       "with a machine it is the host that is missing");
	ok(!topo_build_unknown(&b, "machine-unversioned"), "and the machine's rules are asked");
	topo_build_free(&b);
}

static void test_report(void)
{
	struct findings all = { 0 };

	rule_report(&all, "ssh-auth", "kvm2", "no key of %d", 3);
	is_int(all.n, 1, "what a flow has met with is a finding");
	is_str(all.list[0].rule, "ssh-auth", "of its rule");
	is_int(all.list[0].severity, SEVERITY_ERROR, "of the rule's severity");
	is_str(all.list[0].object, "kvm2", "about the host");
	is_str(all.list[0].found, "no key of 3", "with what was found");
	is_str(all.list[0].remedy, rule_find("ssh-auth")->remedy, "and the rule's remedy");
	findings_clear(&all);
}

static void test_out_of_memory(void)
{
	struct topo topo = { 0 };
	struct findings all = { .failed = true };
	struct err err = ERR_INIT;

	is_int(rules_run(&topo, SCOPE(SCOPE_PAIR), &all, &err), -ENOMEM,
	       "a finding that was lost is no success");
	findings_clear(&all);
}

int main(void)
{
	test_tables();
	test_scopes();
	test_parts();
	test_order_of_reasons();
	test_report();
	test_out_of_memory();
	return done_testing();
}
