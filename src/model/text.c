/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/text.h"

#include <limits.h>
#include <string.h>

bool text_is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool text_is_made_of(const char *text, const char *others, size_t max)
{
	size_t n = 0;

	for (; text[n]; n++)
		if (n >= max || (!text_is_alnum(text[n]) && !strchr(others, text[n])))
			return false;
	return n > 0;
}

bool text_is_path(const char *text)
{
	return text[0] == '/' && text[1];
}

bool text_is_binary(const char *text)
{
	if (text_is_path(text))
		return true;
	return *text && *text != '-' && *text != '.' && !strchr(text, '/') &&
	       strlen(text) <= NAME_MAX;
}

bool text_is_label(const char *text)
{
	bool digit = *text >= '0' && *text <= '9';

	return text_is_alnum(*text) && !digit && text_is_made_of(text, "_.-", 32);
}

bool text_is_link(const char *text)
{
	return text_is_made_of(text, "_.-@+", 15) && *text != '-' && *text != '.';
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

bool text_is_vfio_driver(const char *text)
{
	return text_is_made_of(text, "_-", 31) &&
	       (ends_with(text, "vfio-pci") || ends_with(text, "vfio_pci"));
}
