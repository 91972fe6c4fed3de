/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ssh.h"

static bool is_plain(const char *word)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_-./:@%+,";

	return *word && word[strspn(word, safe)] == '\0';
}

/*
 * Single quotes keep everything from sh; csh also expands '!' between them, unless there
 * is a backslash before it. So '\'' and '!' both leave the quotes, which suits both.
 */
static char *quote_word(char *to, const char *word)
{
	if (is_plain(word))
		return stpcpy(to, word);
	*to++ = '\'';
	for (; *word; word++) {
		if (*word == '\'' || *word == '!') {
			*to++ = '\'';
			*to++ = '\\';
			*to++ = *word;
			*to++ = '\'';
		} else {
			*to++ = *word;
		}
	}
	*to++ = '\'';
	return to;
}

int ssh_quote_argv(const char *const *argv, char **out, struct err *err)
{
	size_t room = 1;
	char *line, *to;

	for (size_t i = 0; argv[i]; i++) {
		if (strpbrk(argv[i], "\r\n"))
			return err_set(err, ERR_USAGE, EINVAL,
				       "the remote command's word %zu has a line end in it, "
				       "which not every login shell can be given",
				       i + 1);
		room += 4 * strlen(argv[i]) + 3;
	}
	line = to = malloc(room);
	if (!line)
		return err_nomem(err);
	for (size_t i = 0; argv[i]; i++) {
		if (i)
			*to++ = ' ';
		to = quote_word(to, argv[i]);
	}
	*to = '\0';
	*out = line;
	return 0;
}
