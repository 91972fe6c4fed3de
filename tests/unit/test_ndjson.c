/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/ndjson.h"

#include <errno.h>

#include "base/str.h"
#include "proto/outbuf.h"
#include "proto/tail.h"
#include "tap.h"

static int feed(struct ndjson *codec, const char *text, struct err *err)
{
	return ndjson_feed(codec, text, strlen(text), err);
}

/* The next object's "n", or what ndjson_next() returned when there is none. */
static int next_n(struct ndjson *codec, struct err *err)
{
	json_t *object = NULL;
	int r = ndjson_next(codec, &object, err);
	int n = (int)json_integer_value(json_object_get(object, "n"));

	json_decref(object);
	return r == 1 ? n : r;
}

static void test_lines(void)
{
	struct err err = ERR_INIT;
	struct ndjson codec;

	ndjson_init(&codec, 100);
	is_int(next_n(&codec, &err), 0, "nothing in, nothing out");
	is_int(feed(&codec, "{\"n\":1}\n{\"n\":2}\r\n\n \t\r\n{\"n\"", &err), 0,
	       "feed two lines and a half");
	is_int(next_n(&codec, &err), 1, "the first");
	is_int(next_n(&codec, &err), 2, "the second, with CR LF");
	is_int(next_n(&codec, &err), 0, "blank lines are none; the rest is not whole");
	is_int(feed(&codec, ":3}\n", &err), 0, "feed its rest");
	is_int(next_n(&codec, &err), 3, "the third");
	is_int(next_n(&codec, &err), 0, "no more");
	ndjson_clear(&codec);
}

static void test_bytewise(void)
{
	const char *text = "{\"n\":11}\n\n{\"n\":12}\nnonsense\n{\"n\":13}\n";
	int got[4] = { 0 }, n_got = 0, bad = 0;
	struct err err = ERR_INIT;
	struct ndjson codec;

	ndjson_init(&codec, 100);
	for (const char *p = text; *p; p++) {
		int n;

		if (ndjson_feed(&codec, p, 1, &err) < 0)
			bail("feed a byte: %s", err.msg);
		while ((n = next_n(&codec, &err)) != 0) {
			if (n < 0)
				bad++;
			else if (n_got < 4)
				got[n_got++] = n;
		}
	}
	ok(n_got == 3 && got[0] == 11 && got[1] == 12 && got[2] == 13,
	   "byte by byte, the same objects come out");
	is_int(bad, 1, "and the one bad line is reported once");
	ndjson_clear(&codec);
}

static void test_bad_lines(void)
{
	static const struct {
		const char *line, *what;
	} bad[] = {
		{ "[1,2]\n", "an array" },
		{ "1\n", "a number" },
		{ "{\"n\":1\n", "an object without its end" },
		{ "{\"n\":1} {\"n\":2}\n", "two objects on a line" },
		{ "{\"n\":1,\"n\":2}\n", "a key twice" },
		{ "{\"n\":\"\xff\"}\n", "no UTF-8" },
		{ "\x1b[31mred\n", "an escape sequence" },
	};
	struct err err = ERR_INIT;
	struct ndjson codec;

	ndjson_init(&codec, 1000);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		feed(&codec, bad[i].line, &err);
		feed(&codec, "{\"n\":7}\n", &err);
		is_int(next_n(&codec, &err), -EBADMSG, "%s is refused", bad[i].what);
		is_int(next_n(&codec, &err), 7, "and the line after %s is read", bad[i].what);
	}
	like(err.msg, "?[31mred", "the message shows the line, made printable");
	ok(!strchr(err.msg, '\x1b'), "without the escape character");
	is_int(ndjson_feed(&codec, "{\"n\":\0}\n", 8, &err), 0, "feed a NUL");
	is_int(next_n(&codec, &err), -EBADMSG, "a NUL in a line is refused");
	ndjson_clear(&codec);
}

/* QEMU writes 64 bits without a sign; jansson reads 64 bits with one. */
static void test_large_numbers(void)
{
	static const struct {
		const char *line, *want;
	} lines[] = {
		{ "{\"n\":18446744073709551615}\n", "{\"n\": 9223372036854775807}" },
		{ "{\"n\":9223372036854775808,\"m\":-9223372036854775809}\n",
		  "{\"m\": -9223372036854775808, \"n\": 9223372036854775807}" },
		{ "{\"n\":[9223372036854775807,-9223372036854775808,99999999999999999999]}\n",
		  "{\"n\": [9223372036854775807, -9223372036854775808, 9223372036854775807]}" },
		{ "{\"18446744073709551615\":\"\\\"18446744073709551615\",\"n\":"
		  "18446744073709551615}\n",
		  "{\"18446744073709551615\": \"\\\"18446744073709551615\", "
		  "\"n\": 9223372036854775807}" },
		{ "{\"n\":18446744073709551615,\"m\":12345678901234567890.5e0}\n",
		  "{\"m\": 1.2345678901234567e19, \"n\": 9223372036854775807}" },
	};
	static const char *const bad[] = { "{\"n\":00018446744073709551615}\n",
					   "{\"n\":1e999}\n", "{\"n\":18446744073709551615x}\n",
					   "{\"n\":18446744073709551615\n",
					   "{\"n\":18446744073709551615,\"\n" };
	struct err err = ERR_INIT;
	struct ndjson codec;

	ndjson_init(&codec, 1000);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		json_t *object = NULL;
		char *text;

		feed(&codec, lines[i].line, &err);
		is_int(ndjson_next(&codec, &object, &err), 1, "a number of 64 bits, %zu", i);
		text = json_dumps(object, JSON_SORT_KEYS);
		is_str(text, lines[i].want, "is taken as the nearest");
		free(text);
		json_decref(object);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		feed(&codec, bad[i], &err);
		feed(&codec, "{\"n\":7}\n", &err);
		is_int(next_n(&codec, &err), -EBADMSG, "what is no JSON stays so, %zu", i);
		is_int(next_n(&codec, &err), 7, "and the line after it is read");
	}
	ndjson_clear(&codec);
}

static void test_limit(void)
{
	struct err err = ERR_INIT;
	struct ndjson codec;

	ndjson_init(&codec, 8);
	is_int(feed(&codec, "{\"n\":12}\n", &err), 0, "a line of just the limit is taken");
	is_int(next_n(&codec, &err), 12, "and read");
	is_int(feed(&codec, "{\"n\":123}\n", &err), -EMSGSIZE, "one more byte is too much");
	like(err.msg, "more than 8 bytes", "the message says the limit");
	is_int(next_n(&codec, &err), 0, "and nothing of it was taken");
	is_int(feed(&codec, "{\"n\":1}\n123456789", &err), -EMSGSIZE,
	       "a long line behind a good one is too much");
	is_int(feed(&codec, "1234", &err), 0, "a part");
	is_int(feed(&codec, "56789", &err), -EMSGSIZE, "that grows too long without a newline");
	ndjson_clear(&codec);
	is_int(feed(&codec, "{\"n\":5}\n", &err), 0, "after a clear it can be fed again");
	is_int(next_n(&codec, &err), 5, "and reads");
	ndjson_clear(&codec);
}

static void test_memory(void)
{
	size_t big = 1000 * 1000;
	char *line = malloc(big + 16);
	struct err err = ERR_INIT;
	struct ndjson codec;

	ndjson_init(&codec, 2 * big);
	memset(line, ' ', big);
	memcpy(line + big, "{\"n\":9}\n", 9);
	is_int(feed(&codec, line, &err), 0, "feed a line of a megabyte");
	is_int(next_n(&codec, &err), 9, "read it");
	ok(codec.room < big, "its memory is given back");
	ndjson_clear(&codec);
	free(line);
}

static void test_encode(void)
{
	json_t *object = json_pack("{s:s,s:i}", "a", "line\nend \x01", "b", 2);
	size_t len = 0;
	char *line = ndjson_encode(object, &len);

	is_str(line, "{\"a\":\"line\\nend \\u0001\",\"b\":2}\n", "an object is one line");
	is_int((int)len, (int)strlen(line), "of the length that is said");
	free(line);
	json_decref(object);
	ok(!ndjson_encode(NULL, &len), "no object, no line");
}

struct sink {
	char got[64];
	size_t len, step;
	int fail;
};

static ssize_t sink_write(void *data, const char *bytes, size_t n)
{
	struct sink *sink = data;

	if (sink->fail)
		return sink->fail;
	if (n > sink->step)
		n = sink->step;
	memcpy(sink->got + sink->len, bytes, n);
	sink->len += n;
	sink->step -= n;
	return (ssize_t)n;
}

static void test_outbuf(void)
{
	struct sink sink = { .step = 3 };
	struct err err = ERR_INIT;
	struct outbuf out;

	outbuf_init(&out, 10);
	is_int(outbuf_add(&out, "abcdef", 6, &err), 0, "queue six bytes");
	is_int(outbuf_flush(&out, sink_write, &sink), 0, "flush to one that takes three");
	ok(outbuf_pending(&out), "some are left");
	is_int(outbuf_add(&out, "ghijklm", 7, &err), 0, "queue up to the limit");
	is_int(outbuf_add(&out, "n", 1, &err), -ENOBUFS, "not beyond it");
	sink.step = 100;
	is_int(outbuf_flush(&out, sink_write, &sink), 0, "flush the rest");
	ok(!outbuf_pending(&out), "nothing is left");
	is_str(sink.got, "abcdefghijklm", "all came, in order");
	sink.fail = -EPIPE;
	outbuf_add(&out, "x", 1, &err);
	is_int(outbuf_flush(&out, sink_write, &sink), -EPIPE, "the writer's failure is told");
	outbuf_clear(&out);
	is_int(outbuf_add(&out, "0123456789a", 11, &err), -ENOBUFS,
	       "a single one over the limit");
}

static void test_tail(void)
{
	struct tail tail = { 0 };

	is_str(tail.text, "", "an empty tail");
	tail_add(&tail, "one\ntw", 6);
	tail_add(&tail, "o\r\n\n", 4);
	is_str(tail.text, "one; two", "lines are joined, blank ones left out");
	is_str(tail_last_line(&tail), "two", "the last line alone");
	tail_add(&tail, "\x1b[1mthree\xff", 10);
	is_str(tail_last_line(&tail), "?[1mthree?", "made printable");
	for (int i = 0; i < 1000; i++)
		tail_add(&tail, "0123456789", 10);
	is_int((int)strlen(tail.text), TAIL_SIZE - 1, "it is bounded");
	like(tail.text + TAIL_SIZE - 6, "56789", "and keeps the end");
}

int main(void)
{
	test_lines();
	test_bytewise();
	test_bad_lines();
	test_large_numbers();
	test_limit();
	test_memory();
	test_encode();
	test_outbuf();
	test_tail();
	return done_testing();
}
