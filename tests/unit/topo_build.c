/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topo_build.h"

#include "tap.h"

static void begin(struct topo_build *build)
{
	*build = (struct topo_build){ 0 };
	for (size_t i = 0; i < TOPO_PARTS; i++)
		build->topo.why_not[i] = "not asked";
}

struct machine *topo_build_machine(const char *text)
{
	struct err err = ERR_INIT;
	struct machine *machine;
	struct strv argv = { 0 };

	if (machine_split_text(text, strlen(text), "text", &argv, &err) < 0 ||
	    machine_from_argv(strv_argv(&argv), argv.n, &machine, &err) < 0)
		bail("%s: %s", text, err.msg);
	strv_clear(&argv);
	return machine;
}

void topo_build_text(struct topo_build *build, const char *text)
{
	begin(build);
	build->machine = topo_build_machine(text);
	build->topo.machine = build->machine;
}

void topo_build_definition(struct topo_build *build, const char *json)
{
	struct err err = ERR_INIT;

	begin(build);
	if (vmdef_parse(json, strlen(json), "vm.json", &build->def, &err) < 0 ||
	    machine_from_definition(build->def, &build->machine, &err) < 0)
		bail("%s", err.msg);
	build->topo.machine = build->machine;
	build->topo.def = build->def;
}

void topo_build_run(struct topo_build *build, unsigned int scopes)
{
	struct err err = ERR_INIT;

	findings_clear(&build->findings);
	if (topo_open(&build->topo, &err) < 0 ||
	    rules_run(&build->topo, scopes, &build->findings, &err) < 0)
		bail("%s", err.msg);
	topo_close(&build->topo);
}

void topo_build_free(struct topo_build *build)
{
	findings_clear(&build->findings);
	machine_free(build->machine);
	vmdef_free(build->def);
	*build = (struct topo_build){ 0 };
}

const struct finding *topo_build_find(const struct topo_build *build, const char *rule,
				      const char *text)
{
	for (size_t i = 0; i < build->findings.n; i++) {
		const struct finding *finding = &build->findings.list[i];

		if (str_eq(finding->rule, rule) && strstr(finding->found, text))
			return finding;
	}
	return NULL;
}

size_t topo_build_count(const struct topo_build *build, const char *rule)
{
	size_t n = 0;

	for (size_t i = 0; i < build->findings.n; i++)
		n += str_eq(build->findings.list[i].rule, rule);
	return n;
}

const char *topo_build_unknown(const struct topo_build *build, const char *rule)
{
	for (size_t i = 0; i < build->findings.n_not_checked; i++)
		if (str_eq(build->findings.not_checked[i].rule, rule))
			return build->findings.not_checked[i].reason;
	return NULL;
}

bool topo_build_explain(const struct topo_build *build, bool good)
{
	for (size_t i = 0; !good && i < build->findings.n; i++)
		printf("# %s, %s: %s\n", build->findings.list[i].rule,
		       build->findings.list[i].object, build->findings.list[i].found);
	for (size_t i = 0; !good && i < build->findings.n_not_checked; i++)
		printf("# %s, not checked: %s\n", build->findings.not_checked[i].rule,
		       build->findings.not_checked[i].reason);
	return good;
}
