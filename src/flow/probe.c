/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>

#include "base/cleanup.h"
#include "flow/probe_gaps.h"

#define DEFAULT_INTERVAL_MS 10
#define MIN_INTERVAL_MS 1
#define MAX_INTERVAL_MS 10000

/* An answer that takes longer does not come. */
#define ANSWER_MS 1000

struct probe {
	struct loop *loop;
	int64_t zero_us;
	char address[PING_ADDRESS_SIZE];
	struct ping *ping;
	struct probe_gaps *gaps;
	uint64_t n_sent;
	uint64_t answered; /* after the highest number that was */
	uint64_t settling; /* the number of the first ping after the flow */
	struct loop_watch *ping_watch, *timer_watch;
	int timer_fd;
};

/* ---- what to probe ---- */

static int parse_interval(const char *text, int *out_ms, struct err *err)
{
	size_t digits = strspn(text, "0123456789");
	char number[16];
	int64_t value = 0;
	bool seconds = str_eq(text + digits, "s");

	snprintf(number, sizeof(number), "%.*s", (int)digits, text);
	if (!digits || digits >= sizeof(number) || !(seconds || str_eq(text + digits, "ms")) ||
	    str_to_i64(number, 0, INT64_MAX / 1000, &value) < 0)
		return err_set(err, ERR_USAGE, EINVAL,
			       "\"%s\" is not an interval, as in 10ms or 1s", text);
	value *= seconds ? 1000 : 1;
	if (value < MIN_INTERVAL_MS || value > MAX_INTERVAL_MS)
		return err_set(err, ERR_USAGE, ERANGE,
			       "an interval of %s is not between %d ms and %d s", text,
			       MIN_INTERVAL_MS, MAX_INTERVAL_MS / 1000);
	*out_ms = (int)value;
	return 0;
}

int probe_target_parse(const char *text, struct probe_target *out, struct err *err)
{
	const char *comma = strchr(text, ',');
	_cleanup_free_ char *address = comma ? strndup(text, (size_t)(comma - text)) :
					       strdup(text);
	int r;

	if (!address)
		return err_nomem(err);
	out->interval_ms = DEFAULT_INTERVAL_MS;
	r = ping_address_parse(address, &out->address, err);
	if (r == 0 && comma)
		r = parse_interval(comma + 1, &out->interval_ms, err);
	return r;
}

/* ---- at work ---- */

static void take_answers(struct probe *probe)
{
	uint64_t number;
	int64_t at_us;

	while (ping_receive(probe->ping, &number, &at_us))
		if (probe_gaps_answered(probe->gaps, number, at_us - probe->zero_us) &&
		    number >= probe->answered)
			probe->answered = number + 1;
}

static void on_answer(void *data, int fd, short revents)
{
	(void)fd;
	(void)revents;
	take_answers(data);
}

static void on_time(void *data, int fd, short revents)
{
	struct probe *probe = data;
	uint64_t due, number;

	(void)revents;
	if (read(fd, &due, sizeof(due)) != sizeof(due))
		return;
	probe_gaps_not_sent(probe->gaps, (int64_t)due - 1);
	/* Before it is sent: the answer may be there before this returns. */
	number = probe_gaps_sent(probe->gaps, clock_us() - probe->zero_us);
	probe->n_sent = number + 1;
	ping_send(probe->ping, number);
}

static void probe_free(struct probe *probe)
{
	loop_unwatch(probe->timer_watch);
	loop_unwatch(probe->ping_watch);
	if (probe->timer_fd >= 0)
		close(probe->timer_fd);
	ping_close(probe->ping);
	probe_gaps_free(probe->gaps);
	free(probe);
}

/* The kernel counts what the loop misses. The first is due at once. */
static int start_timer(struct probe *probe, int interval_ms, struct err *err)
{
	const struct itimerspec schedule = {
		.it_value = { .tv_nsec = 1 },
		.it_interval = { .tv_sec = interval_ms / 1000,
				 .tv_nsec = interval_ms % 1000 * 1000000L },
	};

	probe->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (probe->timer_fd < 0 || timerfd_settime(probe->timer_fd, 0, &schedule, NULL) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "probe: timerfd");
	return loop_watch(probe->loop, probe->timer_fd, POLLIN, on_time, probe,
			  &probe->timer_watch, err);
}

int probe_start(struct loop *loop, const struct probe_target *target, int64_t zero_ms,
		struct probe **out, struct err *err)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	int r;

	if (!probe)
		return err_nomem(err);
	*probe = (struct probe){ .loop = loop, .zero_us = zero_ms * 1000, .timer_fd = -1 };
	strcpy(probe->address, target->address.text);
	r = probe_gaps_new(target->interval_ms, &probe->gaps, err);
	if (r == 0)
		r = ping_open(&target->address, &probe->ping, err);
	if (r == 0)
		r = loop_watch(loop, ping_fd(probe->ping), POLLIN, on_answer, probe,
			       &probe->ping_watch, err);
	if (r == 0)
		r = start_timer(probe, target->interval_ms, err);
	if (r < 0) {
		probe_free(probe);
		return r;
	}
	*out = probe;
	return 0;
}

void probe_phase(struct probe *probe, const char *phase)
{
	if (!probe)
		return;
	/* What the guest's peers see of it; it ends earlier than the work that it makes. */
	if (str_eq(phase, "switchover"))
		phase = "stopped";
	probe_gaps_phase(probe->gaps, phase, clock_us() - probe->zero_us);
}

static bool is_answered(void *data)
{
	const struct probe *probe = data;

	return probe_gaps_received(probe->gaps) > 0;
}

static bool is_complete(void *data)
{
	const struct probe *probe = data;

	return probe_gaps_complete(probe->gaps);
}

int probe_await_answer(struct probe *probe, struct err *err)
{
	struct err why = ERR_INIT;
	int r = loop_run(probe->loop, is_answered, probe, deadline_in(ANSWER_MS), &why);

	if (r == -ETIMEDOUT)
		return 0;
	if (r < 0)
		return err_set(err, why.kind, why.errnum, "%s", why.msg);
	return 1;
}

static bool is_settled(void *data)
{
	const struct probe *probe = data;

	return probe->answered > probe->settling;
}

void probe_settle(struct probe *probe, int64_t timeout_ms)
{
	if (!is_answered(probe))
		return;
	probe_phase(probe, "after");
	probe->settling = probe->n_sent;
	loop_shield(probe->loop);
	loop_run(probe->loop, is_settled, probe, deadline_in(timeout_ms), NULL);
	loop_unshield(probe->loop);
}

struct probe_report *probe_end(struct probe *probe)
{
	struct probe_report *report;

	loop_unwatch(steal_ptr(probe->timer_watch));
	loop_shield(probe->loop);
	loop_run(probe->loop, is_complete, probe, deadline_in(ANSWER_MS), NULL);
	loop_unshield(probe->loop);
	report = probe_gaps_end(probe->gaps);
	report->address = strdup(probe->address);
	probe_free(probe);
	return report;
}
