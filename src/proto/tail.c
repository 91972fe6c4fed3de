/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/tail.h"

#include <string.h>

static const char line_end[] = "; ";

static void push(struct tail *tail, char c)
{
	if (tail->len == TAIL_SIZE - 1)
		memmove(tail->text, tail->text + 1, --tail->len);
	tail->text[tail->len++] = c;
	tail->text[tail->len] = '\0';
}

void tail_add(struct tail *tail, const char *bytes, size_t n)
{
	for (; n > 0; n--, bytes++) {
		if (*bytes == '\n' || *bytes == '\r') {
			tail->line_ended = true;
			continue;
		}
		if (tail->line_ended && tail->len > 0) {
			push(tail, line_end[0]);
			push(tail, line_end[1]);
		}
		tail->line_ended = false;
		/* Plain ASCII: a cut may have gone through a character of several bytes. */
		push(tail, *bytes >= 0x20 && *bytes < 0x7f ? *bytes : '?');
	}
}

const char *tail_last_line(const struct tail *tail)
{
	const char *line = tail->text, *next;

	while ((next = strstr(line, line_end)))
		line = next + strlen(line_end);
	return line;
}
