/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rules about the running guest, over facts made by hand.
 */
#include "topology/rule.h"

#include "tap.h"
#include "topo_build.h"

#define PAIR                                                                    \
	"qemu-system-x86_64 -machine q35 -device pcie-root-port,id=rp0,slot=1 " \
	"-device pcie-root-port,id=rp1,slot=2 "                                 \
	"-device virtio-net-pci,id=net0,bus=rp0,failover=on,mac=52:54:00:00:00:01 "
#define PRIMARY "-device vfio-pci,id=vf0,bus=rp1,host=01:10.0,failover_pair_id=net0"

static const struct guest_pair whole = {
	.standby = "net0",
	.driver_ok = FACT_YES,
	.negotiated = FACT_YES,
	.primary_plugged = FACT_YES,
	.interfaces = 3,
	.indicator = INDICATOR_ON,
};

static const char *const names[] = {
	"standby-not-negotiated", "still-booting",           "primary-absent",
	"guest-denies-primary",   "slot-indicator-blinking", "reboot-without-standby",
	"vm-not-running",
};

/* Runs the rules for a command line whose guest says that. */
static void judge(struct topo_build *build, const char *text, const char *runstate,
		  const struct guest_pair *pair)
{
	struct guest_pair pairs[1] = { { .standby = "other" } };
	struct guest_facts guest = { .pairs = pairs, .n_pairs = 1 };

	if (pair)
		pairs[0] = *pair;
	snprintf(guest.runstate, sizeof(guest.runstate), "%s", runstate);
	topo_build_text(build, text);
	build->topo.guest = &guest;
	topo_build_run(build, SCOPE(SCOPE_GUEST));
	build->topo.guest = NULL;
}

/* Every rule passes, but for the named one. */
static void only(const struct topo_build *build, const char *rule)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!rule || !str_eq(names[i], rule))
			passes(build, names[i]);
}

static void test_whole(void)
{
	struct guest_pair pair = whole;
	struct topo_build b;

	judge(&b, PAIR PRIMARY, "running", &pair);
	only(&b, NULL);
	topo_build_free(&b);

	pair.interfaces = 5;
	pair.indicator = INDICATOR_NONE;
	judge(&b, PAIR PRIMARY, "running", &pair);
	only(&b, NULL);
	topo_build_free(&b);

	judge(&b, "qemu-system-x86_64 -machine q35", "paused", NULL);
	only(&b, NULL);
	topo_build_free(&b);

	topo_build_text(&b, PAIR PRIMARY);
	topo_build_run(&b, SCOPE(SCOPE_GUEST));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unchecked(&b, names[i], "not asked");
	topo_build_free(&b);
}

static void test_negotiation(void)
{
	struct guest_pair pair = whole;
	const struct finding *finding;
	struct topo_build b;

	pair.negotiated = FACT_NO;
	pair.primary_plugged = FACT_NO;
	pair.interfaces = 1;
	judge(&b, PAIR PRIMARY, "running", &pair);
	finds(&b, "standby-not-negotiated", "has not accepted VIRTIO_NET_F_STANDBY");
	only(&b, "standby-not-negotiated");
	finding = topo_build_find(&b, "standby-not-negotiated", "net0");
	is_str(finding ? finding->object : NULL, "pair net0", "it is about the pair");
	topo_build_free(&b);

	pair.driver_ok = FACT_NO;
	judge(&b, PAIR PRIMARY, "running", &pair);
	finds(&b, "still-booting", "net0");
	only(&b, "still-booting");
	topo_build_free(&b);

	/* Reset with its primary plugged. */
	pair.primary_plugged = FACT_YES;
	judge(&b, PAIR PRIMARY, "running", &pair);
	finds(&b, "still-booting", "net0");
	finds(&b, "reboot-without-standby", "nor taken up the standby");
	passes(&b, "standby-not-negotiated");
	passes(&b, "guest-denies-primary");
	topo_build_free(&b);

	pair.driver_ok = FACT_YES;
	judge(&b, PAIR PRIMARY, "running", &pair);
	finds(&b, "reboot-without-standby", "has the primary of net0 plugged");
	finds(&b, "standby-not-negotiated", "net0");
	passes(&b, "primary-absent");
	topo_build_free(&b);
}

static void test_unknown_negotiation(void)
{
	struct guest_pair pair = whole;
	struct topo_build b;

	pair.driver_ok = pair.negotiated = FACT_UNKNOWN;
	strcpy(pair.why, "QEMU 6.2.0 is old");
	judge(&b, PAIR PRIMARY, "running", &pair);
	unchecked(&b, "standby-not-negotiated", "pair net0: QEMU 6.2.0 is old");
	unchecked(&b, "still-booting", "QEMU 6.2.0 is old");
	unchecked(&b, "reboot-without-standby", "QEMU 6.2.0 is old");
	passes(&b, "primary-absent");
	passes(&b, "guest-denies-primary");
	topo_build_free(&b);

	pair.primary_plugged = FACT_NO;
	judge(&b, PAIR PRIMARY, "running", &pair);
	unchecked(&b, "primary-absent", "QEMU 6.2.0 is old");
	passes(&b, "reboot-without-standby");
	topo_build_free(&b);

	/* Facts of another pair only. */
	judge(&b, PAIR PRIMARY, "running", NULL);
	unchecked(&b, "standby-not-negotiated", "QEMU was not asked about pair net0");
	unchecked(&b, "primary-absent", "QEMU was not asked about pair net0");
	unchecked(&b, "slot-indicator-blinking", "QEMU was not asked about pair net0");
	passes(&b, "vm-not-running");
	topo_build_free(&b);
}

static void test_primary(void)
{
	struct guest_pair pair = whole;
	struct topo_build b;

	pair.primary_plugged = FACT_NO;
	pair.indicator = INDICATOR_UNKNOWN;
	pair.interfaces = 2;
	judge(&b, PAIR PRIMARY, "running", &pair);
	finds(&b, "primary-absent", "no device with failover_pair_id=net0");
	only(&b, "primary-absent");
	topo_build_free(&b);

	judge(&b, PAIR, "running", &pair);
	only(&b, NULL);
	topo_build_free(&b);

	/* A running QEMU does not show what it hides: that it has none is all that it says. */
	topo_build_text(&b, PAIR);
	b.machine->running = true;
	b.topo.guest =
		&(struct guest_facts){ .runstate = "running", .pairs = &pair, .n_pairs = 1 };
	topo_build_run(&b, SCOPE(SCOPE_GUEST));
	finds(&b, "primary-absent", "failover_pair_id=net0");
	topo_build_free(&b);

	pair = whole;
	pair.interfaces = 2;
	judge(&b, PAIR PRIMARY, "running", &pair);
	finds(&b, "guest-denies-primary", "the guest has 2 interfaces with its MAC");
	only(&b, "guest-denies-primary");
	topo_build_free(&b);

	pair.interfaces = -1;
	strcpy(pair.why_interfaces, "nobody answers in the guest");
	judge(&b, PAIR PRIMARY, "running", &pair);
	unchecked(&b, "guest-denies-primary", "nobody answers in the guest");
	only(&b, "guest-denies-primary");
	topo_build_free(&b);
}

static void test_indicator(void)
{
	struct guest_pair pair = whole;
	struct topo_build b;

	pair.indicator = INDICATOR_BLINKING;
	judge(&b, PAIR PRIMARY, "running", &pair);
	finds(&b, "slot-indicator-blinking", "blinks");
	only(&b, "slot-indicator-blinking");
	topo_build_free(&b);

	pair.indicator = INDICATOR_UNKNOWN;
	strcpy(pair.why_indicator, "not of its own");
	judge(&b, PAIR PRIMARY, "running", &pair);
	unchecked(&b, "slot-indicator-blinking", "not of its own");
	only(&b, "slot-indicator-blinking");
	topo_build_free(&b);

	pair.indicator = INDICATOR_OFF;
	judge(&b, PAIR PRIMARY, "running", &pair);
	passes(&b, "slot-indicator-blinking");
	topo_build_free(&b);
}

static void test_runstate(void)
{
	const struct finding *finding;
	struct topo_build b;

	judge(&b, PAIR PRIMARY, "paused", &whole);
	finds(&b, "vm-not-running", "\"paused\"");
	only(&b, "vm-not-running");
	finding = topo_build_find(&b, "vm-not-running", "");
	is_str(finding ? finding->object : NULL, "VM", "a VM without a name");
	b.topo.vm = "web1";
	b.topo.guest = &(struct guest_facts){ .runstate = "io-error" };
	topo_build_run(&b, SCOPE(SCOPE_GUEST));
	finding = topo_build_find(&b, "vm-not-running", "io-error");
	is_str(finding ? finding->object : NULL, "VM web1", "and one with it");
	topo_build_free(&b);

	judge(&b, PAIR PRIMARY, "", &whole);
	unchecked(&b, "vm-not-running", "does not say");
	topo_build_free(&b);
}

int main(void)
{
	test_whole();
	test_negotiation();
	test_unknown_negotiation();
	test_primary();
	test_indicator();
	test_runstate();
	return done_testing();
}
