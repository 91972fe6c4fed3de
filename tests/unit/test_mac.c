/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/mac.h"

#include <errno.h>

#include "base/str.h"
#include "tap.h"

static void test_parse(void)
{
	static const char *const bad[] = {
		"",
		"52:54:00:12:34",
		"52:54:00:12:34:5",
		"52:54:00:12:34:567",
		"52:54:00:12:34:56:78",
		"52-54-00-12-34-56",
		"52:54:00:12:34-56",
		"52:54:00:12:34:5g",
		" 2:54:00:12:34:56",
		"525400123456",
		"52:54:00:12:3 :56",
		"+2:54:00:12:34:56",
	};
	char text[MAC_TEXT_SIZE];
	struct mac mac;

	is_int(mac_parse("52:54:00:aB:Cd:eF", &mac), 0, "digits of either case");
	is_int(mac.byte[0], 0x52, "first byte");
	is_int(mac.byte[5], 0xef, "last byte");
	is_str(mac_format(&mac, text), "52:54:00:ab:cd:ef", "written in lower case");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct mac kept = { { 1, 2, 3, 4, 5, 6 } };

		is_int(mac_parse(bad[i], &kept), -EINVAL, "refused: \"%s\"", bad[i]);
		ok(kept.byte[0] == 1 && kept.byte[5] == 6, "and nothing written");
	}
}

static void test_kinds(void)
{
	const struct mac zero = { { 0 } }, one = { { 0, 0, 0, 0, 0, 1 } };
	const struct mac unicast = { { 0x52, 0x54, 0, 1, 2, 3 } };
	const struct mac multicast = { { 0x01, 0, 0x5e, 1, 2, 3 } };
	const struct mac broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

	ok(mac_is_zero(&zero), "zero");
	ok(!mac_is_zero(&one), "not zero in its last byte");
	ok(mac_equal(&one, &one) && !mac_equal(&one, &zero), "equality looks at every byte");
	ok(!mac_is_multicast(&unicast) && !mac_is_multicast(&zero), "unicast");
	ok(mac_is_multicast(&multicast) && mac_is_multicast(&broadcast),
	   "multicast, broadcast");
}

int main(void)
{
	test_parse();
	test_kinds();
	return done_testing();
}
