/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Why none of many VFs fits, in one text that a person reads.
 */
#include "topology/vf_reasons.h"

#include <stdio.h>

#include "base/str.h"
#include "tap.h"
#include "vf_build.h"

static struct host_facts *host;
static struct vf_candidate list[64];

static struct vf_candidates begin(int vfs)
{
	host = vf_build_host(1, vfs);
	for (int i = 0; i < vfs; i++)
		list[i] = (struct vf_candidate){ .vf = vf_build_vf(host, 0, i),
						 .pf_name = "pf0" };
	return (struct vf_candidates){ list, (size_t)vfs };
}

__attribute__((format(printf, 2, 3))) static void set(int i, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(list[i].reason, sizeof(list[i].reason), fmt, ap);
	va_end(ap);
}

/* Of those that were begun with. */
static void lists(struct vf_candidates candidates, const char *want, const char *what)
{
	char text[VF_REASONS_SIZE];

	is_str(vf_reasons_list(&candidates, text), want, "%s", what);
	host_facts_free(host);
}

static void test_alike(void)
{
	struct vf_candidates some = begin(20);

	for (int i = 0; i < 20; i++)
		set(i, "it is used by VM a");
	lists(some,
	      "0000:01:10.0, 0000:01:10.1, 0000:01:10.2, … (20 in all): it is used by VM a",
	      "20 of one reason");

	some = begin(3);
	for (int i = 0; i < 3; i++)
		set(i, "%s", i == 1 ? "it is used by VM b" : "it is used by VM a");
	lists(some,
	      "0000:01:10.0, 0000:01:10.2: it is used by VM a; 0000:01:10.1: it is used by "
	      "VM b",
	      "a few are all named");

	some = begin(2);
	set(0, "PF pf0 is down");
	list[1] = (struct vf_candidate){ .pf_name = "pf1" };
	set(1, "there is no link pf1 on this host");
	lists(some, "0000:01:10.0: PF pf0 is down; PF pf1: there is no link pf1 on this host",
	      "a PF without any stands for itself");

	some = begin(2);
	list[0].fits = true;
	set(1, "it is used by VM a");
	lists(some, "0000:01:10.1: it is used by VM a", "one that fits has no reason");
	lists(begin(0), "", "none");
}

/* Whole groups, and how many VFs are in those that have no room. */
static void test_many(void)
{
	struct vf_candidates some = begin(20);
	char text[VF_REASONS_SIZE];

	for (int i = 0; i < 20; i++)
		set(i, "its IOMMU group %d is held by process %d (qemu-system-x86)", 1000 + i,
		    4000 + i);
	lists(some,
	      "0000:01:10.0: its IOMMU group 1000 is held by process 4000 (qemu-system-x86); "
	      "0000:01:10.1: its IOMMU group 1001 is held by process 4001 (qemu-system-x86); "
	      "0000:01:10.2: its IOMMU group 1002 is held by process 4002 (qemu-system-x86); "
	      "0000:01:10.3: its IOMMU group 1003 is held by process 4003 (qemu-system-x86); "
	      "and 16 more: see vmfo vfs",
	      "20 reasons");

	some = begin(6);
	for (int i = 0; i < 6; i++) {
		set(i, "%c", i ? 'b' : 'a');
		memset(list[i].reason + 1, '.', VF_REASON_SIZE - 2);
	}
	vf_reasons_list(&some, text);
	like(text, "0000:01:10.0: a..", "of the longest reasons that there are");
	like(text, "...; and 5 more: see vmfo vfs", "one is told");
	host_facts_free(host);
}

int main(void)
{
	test_alike();
	test_many();
	return done_testing();
}
