/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/hostdef.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/json_schema.h"
#include "model/text.h"

static bool is_word(const char *text)
{
	return *text;
}

static bool is_url(const char *text)
{
	const char *host = NULL;

	if (str_starts(text, "https://"))
		host = text + strlen("https://");
	else if (str_starts(text, "http://"))
		host = text + strlen("http://");
	return host && *host && *host != '/' && !strchr(host, ' ');
}

/* RFC 9110, field-name: a token, up to the colon. */
static bool is_header(const char *text)
{
	size_t n = strcspn(text, ":");

	if (n == 0 || text[n] != ':')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!text_is_alnum(text[i]) && !strchr("!#$%&'*+-.^_`|~", text[i]))
			return false;
	return true;
}

/* As definitions of VMs may name one. */
static const char *const schemas[] = { HOSTDEF_SCHEMA, NULL };

#define AT(member) .offset = offsetof(struct hostdef, member)
#define COUNT(member) .count_offset = offsetof(struct hostdef, member)
#define INT_ROW(k, least, most) .key = (k), .type = SCHEMA_INT, .min = (least), .max = (most)
#define OBJECT_ROW(k, table) \
	.key = (k), .type = SCHEMA_OBJECT, .object = &(table), .absent = "{}"

static const struct schema_field ssh_rows[] = {
	{ .key = "config",
	  .type = SCHEMA_TEXT,
	  .valid = text_is_path,
	  .expected = TEXT_PATH_EXPECTED,
	  AT(ssh.config),
	  .help = "ssh_config file, instead of OpenSSH's own choice" },
};
static const struct schema_object ssh = { SCHEMA_OBJECT_OF(ssh_rows) };

static const struct schema_field notify_rows[] = {
	{ .key = "url",
	  .type = SCHEMA_TEXT,
	  .valid = is_url,
	  .expected = "an http or https URL",
	  AT(notify.url),
	  .help = "where results are posted" },
	{ .key = "headers",
	  .type = SCHEMA_TEXTS,
	  .max = 32,
	  .valid = is_header,
	  .expected = "an HTTP header like \"Name: value\"",
	  AT(notify.headers),
	  COUNT(notify.n_headers),
	  .help = "more headers of the request" },
	{ INT_ROW("timeout", 1, 300), AT(notify.timeout), .absent = "10",
	  .help = "seconds for the request" },
};
static const struct schema_object notify = { SCHEMA_OBJECT_OF(notify_rows) };

static const struct schema_field migrate_rows[] = {
	{ INT_ROW("unplug_timeout", 1, 3600), AT(migrate.unplug_timeout), .absent = "30",
	  .help = "seconds that guests have to let go of their primaries" },
	{ INT_ROW("timeout", 0, 604800), AT(migrate.timeout), .absent = "0",
	  .help = "seconds that the copying of RAM may take; 0: no limit" },
	/* QEMU's own upper bound. */
	{ INT_ROW("downtime_limit", 1, 2000000), AT(migrate.downtime_limit), .absent = "300",
	  .help = "milliseconds that the guest may be stopped" },
	{ .key = "bandwidth",
	  .type = SCHEMA_INT64,
	  .max = 1LL << 40,
	  AT(migrate.bandwidth),
	  .absent = "0",
	  .help = "bytes a second; 0: no limit" },
};
static const struct schema_object migrate = { SCHEMA_OBJECT_OF(migrate_rows) };

static const struct schema_field physnet_rows[] = {
	{ .key = "id",
	  .type = SCHEMA_TEXT,
	  .required = true,
	  .valid = text_is_label,
	  .expected = TEXT_LABEL_EXPECTED,
	  .offset = offsetof(struct host_physnet, id),
	  .help = "as definitions of VMs name it" },
	{ .key = "pfs",
	  .type = SCHEMA_TEXTS,
	  .required = true,
	  .min = 1,
	  .max = 64,
	  .valid = text_is_link,
	  .expected = TEXT_LINK_EXPECTED,
	  .offset = offsetof(struct host_physnet, pfs),
	  .count_offset = offsetof(struct host_physnet, n_pfs),
	  .help = "interfaces of the PFs that are connected to it" },
	{ INT_ROW("vfs", 1, 255), .offset = offsetof(struct host_physnet, vfs),
	  .help = "VFs that vmfo makes on each of them; none when absent" },
	{ .key = "vfio_driver",
	  .type = SCHEMA_TEXT,
	  .valid = text_is_vfio_driver,
	  .expected = TEXT_VFIO_DRIVER_EXPECTED,
	  .offset = offsetof(struct host_physnet, vfio_driver),
	  .absent = "\"vfio-pci\"",
	  .help = "driver that their VFs are bound to" },
};
static const struct schema_object physnet = { SCHEMA_OBJECT_OF(physnet_rows),
					      .size = sizeof(struct host_physnet) };

static const struct schema_field host_rows[] = {
	{ .key = "schema",
	  .type = SCHEMA_TEXT,
	  .choices = schemas,
	  .required = true,
	  .offset = SCHEMA_UNSTORED,
	  .help = "version of this format" },
	{ .key = "qemu",
	  .type = SCHEMA_TEXT,
	  .valid = text_is_binary,
	  .expected = TEXT_BINARY_EXPECTED,
	  AT(qemu),
	  .help = "QEMU binary, instead of the one that vmfo finds" },
	{ .key = "agent_command",
	  .type = SCHEMA_TEXTS,
	  .min = 1,
	  .max = 32,
	  .valid = is_word,
	  .expected = "a string that is not empty",
	  AT(agent_command),
	  COUNT(n_agent_command),
	  .absent = "[\"vmfo\", \"agent\"]",
	  .help = "what runs the agent on a far host" },
	{ OBJECT_ROW("ssh", ssh), .help = "how other hosts are reached" },
	{ OBJECT_ROW("notify", notify), .help = "who is told of results" },
	{ .key = "physnets",
	  .type = SCHEMA_OBJECTS,
	  .min = 1,
	  .max = 64,
	  .object = &physnet,
	  AT(physnets),
	  COUNT(n_physnets),
	  .help = "layer-2 networks that VFs of this host can be in" },
	{ OBJECT_ROW("migrate", migrate), .help = "defaults of vmfo migrate" },
};

/* Where a PF was named before physnets[i].pfs[j].  Return: whether it was. */
static bool find_pf(const struct hostdef *def, size_t i, size_t j, size_t *at_i, size_t *at_j)
{
	const char *name = def->physnets[i].pfs[j];

	for (*at_i = 0; *at_i <= i; ++*at_i)
		for (*at_j = 0; *at_j < (*at_i == i ? j : def->physnets[*at_i].n_pfs); ++*at_j)
			if (str_eq(def->physnets[*at_i].pfs[*at_j], name))
				return true;
	return false;
}

/* A PF is plugged into one network: of two, one claim is wrong. */
static int check_pfs(const struct schema_ctx *ctx, const struct json_where *physnet_where,
		     const struct hostdef *def, size_t i)
{
	const struct json_where list = { .up = physnet_where, .key = "pfs" };

	for (size_t j = 0; j < def->physnets[i].n_pfs; j++) {
		const struct json_where element = { .up = &list, .index = j };
		size_t at_i, at_j;

		if (find_pf(def, i, j, &at_i, &at_j))
			return schema_fail(
				ctx, &element, NULL,
				"the PF \"%s\" is taken by $.physnets[%zu].pfs[%zu]; "
				"a PF is connected to one network",
				def->physnets[i].pfs[j], at_i, at_j);
	}
	return 0;
}

static int check_physnets(const struct schema_ctx *ctx, const struct json_where *where,
			  const struct hostdef *def)
{
	const struct json_where list = { .up = where, .key = "physnets" };

	for (size_t i = 0; i < def->n_physnets; i++) {
		const struct json_where element = { .up = &list, .index = i };
		int r;

		for (size_t j = 0; j < i; j++)
			if (str_eq(def->physnets[i].id, def->physnets[j].id))
				return schema_fail(ctx, &element, "id",
						   "the id \"%s\" is taken by "
						   "$.physnets[%zu]; choose another",
						   def->physnets[i].id, j);
		r = check_pfs(ctx, &element, def, i);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_host(const struct schema_ctx *ctx, const struct json_where *where,
		      const json_t *object, void *base)
{
	const struct json_where member = { .up = where, .key = "notify" };
	const struct hostdef *def = base;

	(void)object;
	if (def->notify.n_headers > 0 && !def->notify.url)
		return schema_fail(ctx, &member, "headers", "means nothing without \"url\"");
	return check_physnets(ctx, where, def);
}

static const struct schema_object host = { SCHEMA_OBJECT_OF(host_rows),
					   .size = sizeof(struct hostdef),
					   .check = check_host };

int hostdef_parse(const char *text, size_t len, const char *file, struct hostdef **out,
		  struct err *err)
{
	static const char nothing[] = "{\"schema\": \"" HOSTDEF_SCHEMA "\"}";
	struct hostdef *def = calloc(1, sizeof(*def));
	int r;

	if (!def)
		return err_nomem(err);
	if (!text) {
		text = nothing;
		len = strlen(nothing);
	}
	r = schema_parse(&host, text, len, HOSTDEF_MAX_BYTES, file, def, &def->source, err);
	if (r < 0) {
		hostdef_free(def);
		return r;
	}
	*out = def;
	return 0;
}

void hostdef_free(struct hostdef *def)
{
	if (!def)
		return;
	schema_free(&host, def);
	json_decref(def->source);
	free(def);
}

const struct host_physnet *hostdef_find_physnet(const struct hostdef *def, const char *id)
{
	for (size_t i = 0; i < def->n_physnets; i++)
		if (str_eq(def->physnets[i].id, id))
			return &def->physnets[i];
	return NULL;
}

void hostdef_each_key(void (*fn)(void *data, const char *path, const char *type,
				 const char *help),
		      void *data)
{
	schema_each_key(&host, fn, data);
}
