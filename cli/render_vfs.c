/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render_vfs.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "format.h"

#define WIDTH 100
#define CELL_SIZE 40
#define DETAIL_INDENT 7 /* below the addresses */

/* ---- the table of VFs ---- */

static void put_number(int number, char cell[CELL_SIZE])
{
	if (number >= 0)
		snprintf(cell, CELL_SIZE, "%d", number);
}

static void put_text(const char *text, char cell[CELL_SIZE])
{
	if (*text)
		snprintf(cell, CELL_SIZE, "%s", text);
}

static void put_fact(enum fact fact, char cell[CELL_SIZE])
{
	snprintf(cell, CELL_SIZE, "%s",
		 fact == FACT_UNKNOWN ? "?" :
		 fact == FACT_YES     ? "on" :
					"off");
}

static void put_index(const struct vfs_vf *vf, char cell[CELL_SIZE])
{
	put_number(vf->index, cell);
}

static void put_address(const struct vfs_vf *vf, char cell[CELL_SIZE])
{
	put_text(vf->address, cell);
}

static void put_group(const struct vfs_vf *vf, char cell[CELL_SIZE])
{
	put_number(vf->iommu_group, cell);
}

static void put_driver(const struct vfs_vf *vf, char cell[CELL_SIZE])
{
	put_text(vf->driver, cell);
}

static void put_mac(const struct vfs_vf *vf, char cell[CELL_SIZE])
{
	put_text(vf->mac, cell);
}

static void put_vlan(const struct vfs_vf *vf, char cell[CELL_SIZE])
{
	if (vf->vlan < 0)
		put_text("?", cell);
	else if (vf->vlan > 0)
		put_number(vf->vlan, cell);
}

static void put_spoof_check(const struct vfs_vf *vf, char cell[CELL_SIZE])
{
	put_fact(vf->spoof_check, cell);
}

static void put_trust(const struct vfs_vf *vf, char cell[CELL_SIZE])
{
	put_fact(vf->trust, cell);
}

static void put_link_state(const struct vfs_vf *vf, char cell[CELL_SIZE])
{
	put_text(*vf->link_state ? vf->link_state : "?", cell);
}

static const struct column {
	const char *title;
	bool right;
	void (*put)(const struct vfs_vf *vf, char cell[CELL_SIZE]); /* cell: "-" before */
} columns[] = {
	{ "VF", true, put_index },           { "ADDRESS", false, put_address },
	{ "GROUP", true, put_group },        { "DRIVER", false, put_driver },
	{ "MAC", false, put_mac },           { "VLAN", true, put_vlan },
	{ "SPOOF", false, put_spoof_check }, { "TRUST", false, put_trust },
	{ "LINK", false, put_link_state },
};

static void fill_cell(const struct column *column, const struct vfs_vf *vf,
		      char cell[CELL_SIZE])
{
	snprintf(cell, CELL_SIZE, "-");
	column->put(vf, cell);
}

/* Over all PFs, so that their tables are alike. */
static int column_width(const struct column *column, const struct vfs *vfs)
{
	char cell[CELL_SIZE];
	size_t width = strlen(column->title);

	for (size_t i = 0; i < vfs->n_pfs; i++) {
		for (size_t j = 0; j < vfs->pfs[i].n_vfs; j++) {
			fill_cell(column, &vfs->pfs[i].vfs[j], cell);
			if (strlen(cell) > width)
				width = strlen(cell);
		}
	}
	return (int)width;
}

static void print_cell(const struct column *column, const char *cell, int width)
{
	printf("  %*s", column->right ? width : -width, cell);
}

/* Who has it, the caller's; NULL: out of memory. */
static char *owner_text(const struct vfs_vf *vf)
{
	switch (vf->user) {
	case VF_USER_NONE:
		return strdup(vf->free ? "free" : "-");
	case VF_USER_VM:
		return str_printf("VM %s", vf->owner);
	case VF_USER_PROCESS:
		return vf->pid < 0 ? strdup("a process that cannot be seen") :
				     str_printf("process %d (%s)", vf->pid, vf->owner);
	case VF_USER_HOST:
		return str_printf("this host (link %s)", vf->owner);
	}
	return NULL;
}

/* Return: whether the owner has a place at the end of its line. */
static bool owner_fits(const char *owner, const int widths[])
{
	size_t length = 2 + strlen(owner);

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		length += 2 + (size_t)widths[i];
	return length <= WIDTH;
}

static void print_vf(const struct vfs_vf *vf, const int widths[])
{
	_cleanup_free_ char *owner = owner_text(vf);
	_cleanup_free_ char *members = strv_join(&vf->group_members, " ");
	bool fits = owner && owner_fits(owner, widths);
	char cell[CELL_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		fill_cell(&columns[i], vf, cell);
		/* Nothing to be aligned behind the last one. */
		print_cell(&columns[i], cell,
			   fits || i + 1 < ARRAY_SIZE(columns) ? widths[i] : 0);
	}
	printf("%s%s\n", fits ? "  " : "", fits ? owner : "");
	if (owner && !fits)
		format_wrapped(stdout, DETAIL_INDENT, "owner", owner);
	if (members && *members)
		format_wrapped(stdout, DETAIL_INDENT, "group", members);
	/* Of the other owners it would say the same again. */
	if (*vf->reason && (vf->user == VF_USER_NONE || vf->user == VF_USER_VM))
		format_wrapped(stdout, DETAIL_INDENT, "unfit", vf->reason);
}

static void print_table(const struct vfs_pf *pf, const int widths[])
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		print_cell(&columns[i], columns[i].title, widths[i]);
	puts("  OWNER");
	for (size_t i = 0; i < pf->n_vfs; i++)
		print_vf(&pf->vfs[i], widths);
}

/* ---- a PF ---- */

static void print_state(const struct vfs_pf *pf)
{
	static const char *const up[] = { "down", "up", "state unknown" };
	static const char *const carrier[] = { "no carrier", "carrier", "carrier unknown" };

	printf("%s, %s, ", up[pf->up], carrier[pf->carrier]);
	if (pf->mtu > 0)
		printf("MTU %d, ", pf->mtu);
	if (pf->numa_node >= 0)
		printf("NUMA node %d, ", pf->numa_node);
	else
		printf("no NUMA node, ");
	printf("switch mode %s\n", *pf->eswitch ? pf->eswitch : "unknown");
}

static void print_pf(const struct vfs_pf *pf, const int widths[])
{
	printf("PF %s of physnet %s: ", pf->link, pf->physnet);
	if (!*pf->address) {
		puts(pf->reason);
		return;
	}
	print_state(pf);
	printf("  %s %s:%s %s, %s%s\n", pf->address, pf->vendor, pf->device,
	       *pf->name ? pf->name : "(a model without a name)",
	       *pf->driver ? "driver " : "no driver", pf->driver);
	printf("  VFs: %d possible, %d made, %d free\n", pf->vfs_total, pf->vfs_existing,
	       pf->vfs_free);
	if (*pf->reason)
		printf("  %s\n", pf->reason);
	if (pf->n_vfs)
		print_table(pf, widths);
}

void render_vfs(const struct vfs *vfs)
{
	int widths[ARRAY_SIZE(columns)];

	if (!vfs->n_pfs) {
		printf("%s%shost.json names no physnets: list them there, each with its PFs "
		       "(see vmfo-host(5))\n",
		       vfs->host, *vfs->host ? ": " : "");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		widths[i] = column_width(&columns[i], vfs);
	for (size_t i = 0; i < vfs->n_pfs; i++) {
		if (i > 0)
			putchar('\n');
		print_pf(&vfs->pfs[i], widths);
	}
}
