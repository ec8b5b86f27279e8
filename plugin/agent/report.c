/* SPDX-License-Identifier: MIT */
#include "agent/report.h"

#include "agent/metric.h"
#include "agent/notices.h"
#include "agent/roster.h"
#include "agent/uuids.h"
#include "base/log.h"

#include "collectd/core/daemon/plugin.h"

#define REPORTS_SERIES "reports"
#define UNCACHED_REPORTS_MAX 10
#define FEW_SERIES 100 /* devices and commands; so few are sent in any case */

/* Measure of whether collectd keeps up with the values that are sent. Its queue
 * of values has no bound by default, and is taken out in order. Each report
 * ends with a value that is its own number: once collectd's cache has that
 * number, collectd has taken the whole report. */
struct pace {
  uint64_t reports;      /* number of the last report */
  uint64_t devices_sent; /* number of the last report that had the devices */
  bool was_cached;
  bool was_told; /* the log says that collectd does not keep up */
};

struct report {
  const struct options *options;
  struct stats *stats;
  struct outbox *outbox;
  struct roster *roster; /* devices that are reported one by one */
  struct pace pace;
  struct notices *notices;
  struct uuids *uuids;
  struct news batch[OUTBOX_MAX];
  bool is_held_back[OUTBOX_MAX]; /* the value of that news */
};

/* ---- life ---- */

struct report *report_new(const struct options *options, struct stats *stats,
                          struct outbox *outbox) {
  struct report *r = calloc(1, sizeof *r);
  if (r == NULL)
    return NULL;
  r->options = options;
  r->stats = stats;
  r->outbox = outbox;
  r->roster = roster_new(options->directory, options->device_metrics);
  r->notices = notices_new(options->notify_outcomes);
  r->uuids = uuids_new();
  if (r->roster != NULL && r->notices != NULL && r->uuids != NULL)
    return r;
  report_free(r);
  return NULL;
}

void report_free(struct report *r) {
  if (r == NULL)
    return;
  uuids_free(r->uuids);
  notices_free(r->notices);
  roster_free(r->roster);
  free(r);
}

/* ---- devices, endpoints, the agent ---- */

struct visit_context {
  const char *instance;
  const char *type;
};

static void send_counter(void *context, const char *name, uint64_t count) {
  const struct visit_context *c = context;
  metric_send_derive(c->instance, c->type, name, count);
}

/* instance is the device's name, or `agent` for events of no known device. */
static void send_ignored(struct report *r, const struct device *d,
                         const char *instance) {
  for (int reason = 0; reason < IGNORED_REASONS; reason++) {
    char name[DATA_MAX_NAME_LEN];
    uint64_t count = stats_ignored(r->stats, d, (enum ignored)reason);
    if (count == 0)
      continue;
    snprintf(name, sizeof name, "ignored_%s",
             ignored_name((enum ignored)reason));
    metric_send_derive(instance, "derive", name, count);
  }
}

/* Sends three gauges whose names begin with `what`: "accept" or "answer". */
static void send_latency(const struct device *d, const char *what,
                         const struct stats_latency *latency) {
  char name[DATA_MAX_NAME_LEN];
  snprintf(name, sizeof name, "%s-average", what);
  metric_send_gauge(d->name, "latency", name, latency->average_s);
  snprintf(name, sizeof name, "%s-upper", what);
  metric_send_gauge(d->name, "latency", name, latency->upper_s);
  snprintf(name, sizeof name, "%s-percentile-99", what);
  metric_send_gauge(d->name, "latency", name, latency->percentile_99_s);
}

/* Leaves out the zeros of a device of a DeviceFile: a counter that is 0 has
 * never counted. */
static void send_device_count(const struct device *d, const char *name,
                              uint64_t count) {
  if (d->declared || count > 0)
    metric_send_derive(d->name, "commands", name, count);
}

static void send_tracked(struct report *r, const struct device *d) {
  struct stats_tracked tracked;
  if (!stats_take_tracked(r->stats, d, &tracked))
    return;
  send_device_count(d, "delivered", tracked.delivered);
  send_device_count(d, "answered", tracked.answered);
  send_device_count(d, "unanswered", tracked.unanswered);
  send_device_count(d, "undelivered", tracked.undelivered);
  send_device_count(d, "not_known", tracked.not_known);
  if (tracked.answered > 0)
    send_latency(d, "answer", &tracked.latency);
}

static void send_device(struct report *r, const struct device *d) {
  struct stats_commands counts;
  struct stats_latency latency;
  stats_read_device(r->stats, d, &counts);
  send_device_count(d, "created", counts.created);
  for (int i = 0; i < OUTCOME_COUNT; i++)
    send_device_count(d, outcome_name((enum outcome)i), counts.by_outcome[i]);
  if (d->declared || counts.created > 0)
    metric_send_gauge(d->name, "pending_operations", "",
                      (double)counts.pending);
  if (stats_take_latency(r->stats, d, &latency))
    send_latency(d, "accept", &latency);
  send_tracked(r, d);
  stats_each_cause(r->stats, d, send_counter,
                   &(struct visit_context){d->name, "errors"});
  send_ignored(r, d, d->name);
}

static void send_endpoint(struct report *r, const struct endpoint *e) {
  struct stats_endpoint counts;
  stats_read_endpoint(r->stats, e, &counts);
  metric_send_derive(e->name, "commands", "created", counts.commands.created);
  for (int i = 0; i < OUTCOME_COUNT; i++)
    metric_send_derive(e->name, "commands", outcome_name((enum outcome)i),
                       counts.commands.by_outcome[i]);
  metric_send_derive(e->name, "total_requests", "", counts.requests);
  stats_each_http_code(r->stats, e, send_counter,
                       &(struct visit_context){e->name, "http_response_codes"});
  metric_send_gauge(e->name, "current_connections", "",
                    (double)counts.connections);
  metric_send_gauge(e->name, "bool", "circuit_open",
                    counts.circuit_open ? 1 : 0);
}

static void send_agent(struct report *r, size_t inbox_count) {
  struct stats_agent counts;
  stats_read_agent(r->stats, &counts);
  metric_send_gauge(METRIC_AGENT, "queue_length", "inbox", (double)inbox_count);
  metric_send_gauge(METRIC_AGENT, "records", "pending",
                    (double)counts.records_pending);
  metric_send_gauge(METRIC_AGENT, "file_size", "ledger",
                    (double)counts.ledger_bytes);
  metric_send_derive(METRIC_AGENT, "errors", "ledger", counts.ledger_errors);
  metric_send_gauge(METRIC_AGENT, "count", "series", (double)counts.series);
  metric_send_derive(METRIC_AGENT, "derive", "series_forgotten",
                     counts.series_forgotten);
  metric_send_gauge(METRIC_AGENT, "count", "skipped_lines",
                    (double)r->options->skipped_lines);
  metric_send_gauge(METRIC_AGENT, "count", "devices_unreported",
                    (double)roster_unreported(r->roster));
  metric_send_derive(METRIC_AGENT, "derive", "unreported", counts.unreported);
  send_ignored(r, NULL, METRIC_AGENT);
}

/* ---- many devices ---- */

/* Drops the latencies of a device that has no place, since nobody will read
 * them. */
static void note_active(struct report *r, int64_t now_ms) {
  const struct device *d;
  while ((d = stats_take_active(r->stats)) != NULL) {
    roster_note_active(r->roster, d, now_ms);
    if (!roster_has(r->roster, d))
      stats_drop_latencies(r->stats, d);
  }
  roster_turn(r->roster, now_ms);
}

/* Returns the number of the last report that collectd has taken; 0 if its cache
 * has none. */
static uint64_t taken_reports(void) {
  const struct metric numbers = {METRIC_AGENT, "derive", REPORTS_SERIES};
  value_t last;
  return metric_find_last(numbers, &last) ? (uint64_t)last.derive : 0;
}

/* Returns whether collectd has taken the last report that had the devices;
 * false, too, if numbers were in the cache and no longer are. If none ever was,
 * a filter chain may keep them out: after UNCACHED_REPORTS_MAX reports collectd
 * then counts as keeping up. */
static bool has_kept_up(struct pace *p) {
  uint64_t taken = taken_reports();
  p->was_cached = p->was_cached || taken > 0;
  return taken >= p->devices_sent ||
         (!p->was_cached && p->reports > UNCACHED_REPORTS_MAX);
}

static void tell_late(struct pace *p) {
  if (!p->was_told)
    log_warning("collectd does not keep up with the values of so many devices: "
                "they are sent less often than once per interval; a longer "
                "Interval or a lower DeviceMetrics helps");
  p->was_told = true;
}

/* Makes the interval of the next values longer, and returns the context to be
 * set again after them: a value that is sent every third interval is then not
 * missing after two. */
static plugin_ctx_t stretch_interval(uint64_t reports) {
  plugin_ctx_t before = plugin_get_ctx();
  plugin_ctx_t stretched = before;
  stretched.interval = plugin_get_interval() * reports;
  plugin_set_ctx(stretched);
  return before;
}

static void send_uuid(void *context, const struct device *d,
                      const char *cmd_uuid, enum tracked_status status) {
  (void)context;
  metric_send_gauge(d->name, "gauge", cmd_uuid, status);
}

static void send_devices(struct report *r, int64_t now_ms) {
  for (const struct device *d = roster_first(r->roster); d != NULL;
       d = roster_next(r->roster, d))
    send_device(r, d);
  if (r->options->command_series)
    uuids_each(r->uuids, now_ms, send_uuid, NULL);
}

/* Sends the series of devices and of commands, of which there may be very
 * many. */
static void send_many(struct report *r, int64_t now_ms) {
  struct pace *p = &r->pace;
  bool are_few =
      roster_reported(r->roster) + uuids_count(r->uuids) <= FEW_SERIES;
  if (!has_kept_up(p) && !are_few) {
    tell_late(p);
    return;
  }
  plugin_ctx_t before = stretch_interval(p->reports - p->devices_sent);
  send_devices(r, now_ms);
  plugin_set_ctx(before);
  p->devices_sent = p->reports;
}

static size_t take_batch(struct report *r) {
  size_t count = 0;
  while (count < OUTBOX_MAX && outbox_take(r->outbox, &r->batch[count]))
    count++;
  return count;
}

/* ---- the report ---- */

static void note_earlier(struct report *r) {
  struct earlier earlier;
  while (outbox_take_earlier(r->outbox, &earlier))
    notices_note_earlier(r->notices, &earlier);
}

static void send_loss(struct report *r) {
  struct ledger_loss loss;
  if (outbox_take_loss(r->outbox, &loss))
    notices_send_loss(r->notices, &loss);
}

/* Sends the values of the news, and notes those that are held back. */
static void send_durations(struct report *r, size_t count) {
  for (size_t i = 0; i < count; i++)
    r->is_held_back[i] = r->batch[i].kind == NEWS_OUTCOME &&
                         !notices_send_duration(r->notices, &r->batch[i]);
}

static void note_uuids(struct report *r, size_t count, int64_t now_ms) {
  for (size_t i = 0; i < count; i++)
    uuids_note(r->uuids, &r->batch[i], now_ms);
}

static void free_batch(struct report *r, size_t count) {
  for (size_t i = 0; i < count; i++)
    free(r->batch[i].reply);
}

/* Returns how much of the news was reported in part only, or not at all. */
static uint64_t send_notifications(struct report *r, size_t count,
                                   cdtime_t until) {
  uint64_t unreported = 0;
  for (size_t i = 0; i < count; i++) {
    bool is_told = notices_send_notification(r->notices, &r->batch[i], until);
    unreported += is_told && !r->is_held_back[i] ? 0 : 1;
  }
  return unreported;
}

void report_send(struct report *r, size_t inbox_count, int64_t now_ms) {
  const struct directory *directory = r->options->directory;
  cdtime_t until = cdtime() + plugin_get_interval() / 2;
  size_t count = take_batch(r);
  r->pace.reports++;
  note_active(r, now_ms);
  note_earlier(r);
  for (size_t i = 0; i < directory_endpoint_count(directory); i++)
    send_endpoint(r, directory_endpoint(directory, i));
  send_agent(r, inbox_count);
  send_durations(r, count);
  note_uuids(r, count, now_ms);
  send_many(r, now_ms);
  metric_send_derive(METRIC_AGENT, "derive", REPORTS_SERIES, r->pace.reports);
  send_loss(r);
  stats_count_unreported(r->stats, send_notifications(r, count, until));
  free_batch(r, count);
}

/* Logs one line; `what` is "device" or "endpoint". */
static void log_totals(const char *what, const char *name,
                       const struct stats_commands *counts) {
  char text[512];
  size_t used = 0;
  if (counts->created == 0)
    return;
  for (int o = 0; o < OUTCOME_COUNT && used < sizeof text; o++)
    used += (size_t)snprintf(text + used, sizeof text - used, ", %s %llu",
                             outcome_name((enum outcome)o),
                             (unsigned long long)counts->by_outcome[o]);
  log_info("totals of %s \"%s\": created %llu%s, pending %llu", what, name,
           (unsigned long long)counts->created, text,
           (unsigned long long)counts->pending);
}

void report_log_totals(struct report *r) {
  const struct directory *directory = r->options->directory;
  for (const struct device *d = roster_first(r->roster); d != NULL;
       d = roster_next(r->roster, d)) {
    struct stats_commands counts;
    stats_read_device(r->stats, d, &counts);
    log_totals("device", d->name, &counts);
  }
  for (size_t i = 0; i < directory_endpoint_count(directory); i++) {
    const struct endpoint *e = directory_endpoint(directory, i);
    struct stats_endpoint counts;
    stats_read_endpoint(r->stats, e, &counts);
    log_totals("endpoint", e->name, &counts.commands);
  }
}
