/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "topology/machine.h"

struct splitter {
	const char *at, *end;
	const char *file;
	size_t line;
	char *word;    /* room for all of the text */
	size_t len;    /* of the word so far */
	bool in_word;  /* which may be empty: '' */
	size_t quoted; /* where the first quoted character of the word is; SIZE_MAX: nowhere */
	struct strv *out;
};

static int refuse(const struct splitter *s, char c, const char *remedy, struct err *err)
{
	return err_set(err, ERR_USAGE, EINVAL,
		       "%s:%zu: \"%c\" is for a shell to act upon, and this is read without "
		       "one: %s",
		       s->file, s->line, c, remedy);
}

/* "LC_ALL=C" before a command sets a variable of it. */
static bool is_assignment(const struct splitter *s)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
				   "0123456789";
	size_t len = strspn(s->word, name);

	return s->out->n == 0 && len > 0 && s->word[len] == '=' && s->quoted > len &&
	       !(s->word[0] >= '0' && s->word[0] <= '9');
}

static void end_word(struct splitter *s)
{
	if (!s->in_word)
		return;
	s->word[s->len] = '\0';
	if (!is_assignment(s))
		strv_add(s->out, s->word);
	s->in_word = false;
	s->len = 0;
	s->quoted = SIZE_MAX;
}

static void put(struct splitter *s, char c)
{
	s->word[s->len++] = c;
	s->in_word = true;
}

static void mark_quoted(struct splitter *s)
{
	if (s->quoted == SIZE_MAX)
		s->quoted = s->len;
	s->in_word = true;
}

/* Between quotes of one kind; at is behind the first. */
static int take_quoted(struct splitter *s, char quote, struct err *err)
{
	size_t line = s->line;

	mark_quoted(s);
	for (; s->at < s->end && *s->at != quote; s->at++) {
		char c = *s->at;

		s->line += c == '\n';
		if (quote == '"' && (c == '$' || c == '`'))
			return refuse(s, c, "write what it stands for, or '\\' before it", err);
		if (quote == '"' && c == '\\' && s->at + 1 < s->end &&
		    strchr("$`\"\\\n", s->at[1])) {
			c = *++s->at;
			if (c == '\n') {
				s->line++;
				continue;
			}
		}
		put(s, c);
	}
	if (s->at == s->end)
		return err_set(err, ERR_USAGE, EINVAL,
			       "%s:%zu: the quote %c that begins here has no end", s->file,
			       line, quote);
	s->at++;
	return 0;
}

static void take_escaped(struct splitter *s)
{
	/* A file written on another system ends its lines in two characters. */
	if (s->end - s->at >= 2 && s->at[0] == '\r' && s->at[1] == '\n')
		s->at++;
	if (s->at == s->end)
		return;
	if (*s->at == '\n') {
		s->line++;
	} else {
		mark_quoted(s);
		put(s, *s->at);
	}
	s->at++;
}

static void skip_comment(struct splitter *s)
{
	while (s->at < s->end && *s->at != '\n')
		s->at++;
}

static int take_char(struct splitter *s, struct err *err)
{
	char c = *s->at;

	switch (c) {
	case '\n':
		s->line++;
		/* fall through */
	case ' ':
	case '\t':
	case '\r':
		end_word(s);
		s->at++;
		return 0;
	case '\'':
	case '"':
		s->at++;
		return take_quoted(s, c, err);
	case '\\':
		s->at++;
		take_escaped(s);
		return 0;
	case '$':
	case '`':
		return refuse(s, c, "write what it stands for, or put it in single quotes",
			      err);
	case '|':
	case ';':
	case '&':
	case '<':
	case '>':
	case '(':
	case ')':
		return refuse(s, c, "leave QEMU's command line alone here, or quote it", err);
	case '~':
		if (!s->in_word)
			return refuse(s, c, "write the whole path", err);
		break;
	case '#':
		if (!s->in_word) {
			skip_comment(s);
			return 0;
		}
		break;
	default:
		break;
	}
	put(s, c);
	s->at++;
	return 0;
}

int machine_split_text(const char *text, size_t len, const char *file, struct strv *out,
		       struct err *err)
{
	_cleanup_free_ char *word = malloc(len + 1);
	struct splitter s = { .at = text,
			      .end = text + len,
			      .file = file,
			      .line = 1,
			      .word = word,
			      .quoted = SIZE_MAX,
			      .out = out };
	int r = 0;

	if (!word)
		return err_nomem(err);
	if (memchr(text, '\0', len))
		return err_set(err, ERR_USAGE, EINVAL,
			       "%s: this is no text: it has a NUL, which no command line has",
			       file);
	while (s.at < s.end && r == 0)
		r = take_char(&s, err);
	if (r < 0)
		return r;
	end_word(&s);
	return out->failed ? err_nomem(err) : 0;
}
