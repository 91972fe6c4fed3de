/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Settings of a VF in words, and what a definition wants of one.
 */
#include <inttypes.h>
#include <stdio.h>

#include "host/vf_settings_internal.h"

const char *vf_field_name(enum vf_field field)
{
	switch (field) {
	case VF_VLAN:
		return "VLAN";
	case VF_TRUST:
		return "trust";
	case VF_SPOOF_CHECK:
		return "spoof check";
	case VF_RATE:
		return "rate";
	case VF_LINK_STATE:
		return "link state";
	case VF_MAC:
		return "MAC";
	}
	return "setting";
}

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

const char *vf_field_text(enum vf_field field, const struct vf_settings *settings, char *buf,
			  size_t size)
{
	static const char *const states[] = { [VF_LINK_AUTO] = "auto",
					      [VF_LINK_ENABLE] = "enable",
					      [VF_LINK_DISABLE] = "disable",
					      [VF_LINK_UNKNOWN] = "unknown" };
	char mac[MAC_TEXT_SIZE];

	switch (field) {
	case VF_VLAN:
		snprintf(buf, size, "%d, QoS %d", settings->vlan, settings->qos);
		break;
	case VF_TRUST:
		snprintf(buf, size, "%s", on_off(settings->trust));
		break;
	case VF_SPOOF_CHECK:
		snprintf(buf, size, "%s", on_off(settings->spoof_check));
		break;
	case VF_RATE:
		snprintf(buf, size, "%" PRIu32 " to %" PRIu32 " Mbit/s (0: no limit)",
			 settings->min_rate, settings->max_rate);
		break;
	case VF_LINK_STATE:
		snprintf(buf, size, "%s", states[settings->link_state]);
		break;
	case VF_MAC:
		snprintf(buf, size, "%s", mac_format(&settings->mac, mac));
		break;
	}
	return buf;
}

void vf_settings_of_pair(const struct vm_pair *pair, struct vf_settings *out)
{
	const struct vm_primary *primary = &pair->primary;

	*out = (struct vf_settings){
		.fields = VF_MAC | VF_VLAN | VF_TRUST,
		.mac = pair->mac,
		.vlan = primary->vlan,
		.qos = primary->qos,
		.trust = primary->trust,
		.min_rate = (uint32_t)primary->min_rate,
		.max_rate = (uint32_t)primary->max_rate,
	};
	if (primary->spoof_check >= 0) {
		out->fields |= VF_SPOOF_CHECK;
		out->spoof_check = primary->spoof_check;
	}
	if (primary->min_rate || primary->max_rate)
		out->fields |= VF_RATE;
	switch (primary->link_state) {
	case VM_LINK_AUTO:
		out->link_state = VF_LINK_AUTO;
		break;
	case VM_LINK_ENABLE:
		out->link_state = VF_LINK_ENABLE;
		break;
	case VM_LINK_DISABLE:
		out->link_state = VF_LINK_DISABLE;
		break;
	case VM_LINK_LEFT:
		out->link_state = VF_LINK_UNKNOWN;
		return;
	}
	out->fields |= VF_LINK_STATE;
}
