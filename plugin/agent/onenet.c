/* SPDX-License-Identifier: MIT
 *
 * onenet owns collectd's callbacks and nothing else: it turns what collectd
 * says into plain data, and hands that to the layers below.
 */
#include "agent/clock.h"
#include "agent/door.h"
#include "agent/lines.h"
#include "agent/report.h"
#include "agent/stats.h"
#include "agent/watch.h"
#include "agent/worker.h"
#include "base/log.h"
#include "cloud/http.h"
#include "config/known_files.h"
#include "config/options.h"
#include "config/rule.h"
#include "words/event.h"

#include "collectd/core/daemon/collectd.h"

#include "collectd/core/daemon/plugin.h"
#include "collectd/core/daemon/utils_cache.h"
#include "collectd/core/utils/common/common.h"

#include <math.h>

#define PLUGIN_NAME "onenet"

/* Waits for those inside a callback, in ms: at first, and once the worker has
 * stopped. A callback matches, puts and returns: one that takes longer hangs in
 * a log that is written to a disk. */
#define DOOR_WAIT_MS 250
#define DOOR_LAST_WAIT_MS 50

/* The one instance of the plugin: collectd's callbacks have no other way to
 * find it. Config and init make all of it on the main thread, before any other
 * callback is registered. Shutdown frees it, once the door is closed. */
static struct {
  struct options *options;
  struct stats *stats;
  struct watch *watch;
  struct outbox *outbox;
  struct worker *worker;
  struct report *report;
  bool is_test; /* the configuration is tested: collectd -T */
  bool is_dry;
} onenet;

/* Each callback that init registers goes through it: clients of unixsock are
 * served on threads that collectd does not wait for. */
static struct door door;

static void write_log(enum log_level level, const char *line) {
  static const int levels[] = {[LOG_LEVEL_ERROR] = LOG_ERR,
                               [LOG_LEVEL_WARNING] = LOG_WARNING,
                               [LOG_LEVEL_INFO] = LOG_INFO};
  plugin_log(levels[level], PLUGIN_NAME " plugin: %s", line);
}

/* ---- events ---- */

static const notification_meta_t *
find_notification_meta(const notification_meta_t *meta, const char *name) {
  while (meta != NULL && strcmp(meta->name, name) != 0)
    meta = meta->next;
  return meta;
}

static int append_notification_meta(const void *meta, const char *name,
                                    struct buf *out) {
  const notification_meta_t *found = find_notification_meta(meta, name);
  if (found == NULL)
    return -ENOENT;
  switch (found->type) {
  case NM_TYPE_STRING:
    return buf_append_text(out, found->nm_value.nm_string);
  case NM_TYPE_SIGNED_INT:
    return buf_append_format(out, "%" PRIi64, found->nm_value.nm_signed_int);
  case NM_TYPE_UNSIGNED_INT:
    return buf_append_format(out, "%" PRIu64, found->nm_value.nm_unsigned_int);
  case NM_TYPE_DOUBLE:
    return template_append_number(out, found->nm_value.nm_double);
  case NM_TYPE_BOOLEAN:
    return buf_append_text(out, found->nm_value.nm_boolean ? "true" : "false");
  }
  return -ENOENT;
}

static int append_value_meta(const void *meta, const char *name,
                             struct buf *out) {
  char *text = NULL;
  if (meta == NULL ||
      meta_data_as_string((meta_data_t *)meta, name, &text) != 0)
    return -ENOENT;
  int status = buf_append_text(out, text);
  free(text);
  return status;
}

static enum severity severity_of(int severity) {
  if (severity == NOTIF_FAILURE)
    return SEVERITY_FAILURE;
  return severity == NOTIF_WARNING ? SEVERITY_WARNING : SEVERITY_OKAY;
}

static struct event event_of_notification(const notification_t *n) {
  const notification_meta_t *value =
      find_notification_meta(n->meta, "CurrentValue");
  const notification_meta_t *source =
      find_notification_meta(n->meta, "DataSource");
  bool has_value = value != NULL && value->type == NM_TYPE_DOUBLE;
  bool has_source = source != NULL && source->type == NM_TYPE_STRING;
  return (struct event){.source = EVENT_NOTIFICATION,
                        .severity = severity_of(n->severity),
                        .host = n->host,
                        .plugin = n->plugin,
                        .plugin_instance = n->plugin_instance,
                        .type = n->type,
                        .type_instance = n->type_instance,
                        .data_source =
                            has_source ? source->nm_value.nm_string : "",
                        .message = n->message,
                        .has_value = has_value,
                        .value = has_value ? value->nm_value.nm_double : NAN,
                        .wall_time_ms = (int64_t)CDTIME_T_TO_MS(n->time),
                        .find_meta = append_notification_meta,
                        .meta = n->meta};
}

static struct event event_of_value(const value_list_t *vl,
                                   const data_source_t *source, double value) {
  return (struct event){.source = EVENT_VALUE,
                        .severity = SEVERITY_VALUE,
                        .host = vl->host,
                        .plugin = vl->plugin,
                        .plugin_instance = vl->plugin_instance,
                        .type = vl->type,
                        .type_instance = vl->type_instance,
                        .data_source = source->name,
                        .message = "",
                        .has_value = true,
                        .value = value,
                        .wall_time_ms = (int64_t)CDTIME_T_TO_MS(vl->time),
                        .find_meta = append_value_meta,
                        .meta = vl->meta};
}

static void fire(void *context, struct firing *f) {
  (void)context;
  worker_put(onenet.worker, f);
}

static void match(void *context, const struct policy *policy) {
  (void)context;
  watch_note_match(onenet.watch, policy);
}

static void lack(void *context, const struct rule_lack *what) {
  (void)context;
  watch_tell_lack(onenet.watch, what);
}

static void ignore(void *context, enum ignored reason,
                   const struct device *device, const char *detail) {
  stats_count_ignored(onenet.stats, device, reason);
  if (reason == IGNORED_NO_DEVICE)
    watch_tell_no_device(onenet.watch, detail);
  else if (reason == IGNORED_UNMATCHED && onenet.options->dry_run)
    watch_tell_unmatched(onenet.watch, context);
  else if (reason != IGNORED_UNMATCHED && onenet.is_dry)
    lines_write_dry_ignored(detail, device, ignored_name(reason));
}

static void lose(void *context, const struct policy *policy,
                 const struct device *device) {
  const struct event *event = context;
  log_error("out of memory: a command of rule \"%s\" for an event of plugin "
            "\"%s\" was lost",
            policy->rule, event->plugin);
  if (device != NULL)
    worker_lose(onenet.worker, device);
  else
    stats_count_ignored(onenet.stats, NULL, IGNORED_NO_MEMORY);
}

static int fire_rules(struct event *event) {
  const struct rule_callbacks callbacks = {.match = match,
                                           .fire = fire,
                                           .ignore = ignore,
                                           .lack = lack,
                                           .lose = lose,
                                           .context = event};
  return rule_book_fire(onenet.options->rules, event, clock_now(), &callbacks);
}

/* ---- collectd's callbacks ---- */

static int onenet_notify(const notification_t *n, user_data_t *user_data) {
  (void)user_data;
  if (!door_enter(&door))
    return 0;
  struct event event = event_of_notification(n);
  int status = fire_rules(&event);
  door_leave(&door);
  return status;
}

static bool has_rates(const data_set_t *ds) {
  for (size_t i = 0; i < ds->ds_num; i++)
    if (ds->ds[i].type != DS_TYPE_GAUGE)
      return true;
  return false;
}

/* Returns the value that a rule sees: that of a gauge itself, else the rate.
 * The rate is not known (NaN) if a filter chain calls before the value is in
 * collectd's cache. */
static double value_of(const data_source_t *source, const value_t *value,
                       const gauge_t *rate) {
  if (source->type == DS_TYPE_GAUGE)
    return value->gauge;
  return rate != NULL ? *rate : NAN;
}

static int fire_values(const data_set_t *ds, const value_list_t *vl) {
  gauge_t *rates = has_rates(ds) ? uc_get_rate(ds, vl) : NULL;
  int status = 0;
  for (size_t i = 0; i < ds->ds_num && i < vl->values_len; i++) {
    struct event event = event_of_value(
        vl, &ds->ds[i],
        value_of(&ds->ds[i], &vl->values[i], rates != NULL ? &rates[i] : NULL));
    if (fire_rules(&event) < 0)
      status = -1;
  }
  free(rates);
  return status;
}

static int onenet_write(const data_set_t *ds, const value_list_t *vl,
                        user_data_t *user_data) {
  (void)user_data;
  if (strcmp(vl->plugin, PLUGIN_NAME) == 0 || !door_enter(&door))
    return 0;
  int status = fire_values(ds, vl);
  door_leave(&door);
  return status;
}

static int onenet_read(void) {
  if (!door_enter(&door))
    return 0;
  int64_t now_ms = clock_now().ms;
  report_send(onenet.report, worker_inbox_count(onenet.worker), now_ms);
  watch_tell_idle(onenet.watch, now_ms);
  door_leave(&door);
  return 0;
}

static int onenet_flush(cdtime_t timeout, const char *identifier,
                        user_data_t *user_data) {
  (void)timeout;
  (void)identifier;
  (void)user_data;
  if (!door_enter(&door))
    return 0;
  worker_flush(onenet.worker);
  door_leave(&door);
  return 0;
}

static void free_all(void) {
  worker_free(onenet.worker);
  report_free(onenet.report);
  outbox_free(onenet.outbox);
  watch_free(onenet.watch);
  stats_free(onenet.stats);
  options_free(onenet.options);
  memset(&onenet, 0, sizeof onenet);
  http_global_cleanup();
}

/* Those who are inside are let finish, so that what they bring is recorded; if
 * somebody hangs there, nothing is freed: the process ends soon.
 *
 * A thread that walks down collectd's list of notification callbacks while
 * collectd frees it crashes on its way from one to the next. It is on such a
 * way for as long as the plugin before us writes its log, so that we leave the
 * list. */
static int onenet_shutdown(void) {
  int64_t end_ms =
      clock_now().ms + (int64_t)onenet.options->shutdown_timeout_s * 1000;
  door_close(&door, DOOR_WAIT_MS);
  plugin_unregister_notification(PLUGIN_NAME);
  if (onenet.is_test)
    worker_rehearse(onenet.worker);
  bool has_ended = worker_stop(onenet.worker, end_ms);
  report_log_totals(onenet.report);
  if (has_ended && door_close(&door, DOOR_LAST_WAIT_MS))
    free_all();
  return 0;
}

/* ---- start ---- */

static void tell_remark(void *context, const struct options_remark *remark) {
  (void)context;
  if (remark->level == OPTIONS_WARNING)
    log_warning("%s", remark->line);
  else
    log_error("%s", remark->line);
}

/* Returns whether this is `collectd -T`, which runs init, one read and the
 * thresholds for real. */
static bool is_configuration_test(void) {
  const char *read_threads = global_option_get("ReadThreads");
  return read_threads != NULL && strcmp(read_threads, "-1") == 0;
}

static int onenet_config(oconfig_item_t *block) {
  const char *base_dir = global_option_get("BaseDir");
  if (onenet.options != NULL) {
    log_error("<Plugin " PLUGIN_NAME ">: given twice: all options belong into "
              "one block");
    return -1;
  }
  return options_read(block, base_dir != NULL ? base_dir : ".",
                      is_configuration_test() ? OPTIONS_FOR_CHECK
                                              : OPTIONS_FOR_START,
                      tell_remark, NULL, &onenet.options);
}

static int make_all(bool is_test) {
  onenet.is_test = is_test;
  onenet.is_dry = is_test || onenet.options->dry_run;
  onenet.stats = stats_new(onenet.options->directory);
  onenet.watch = watch_new(onenet.options->rules, clock_now().ms);
  onenet.outbox = outbox_new();
  if (onenet.stats == NULL || onenet.watch == NULL || onenet.outbox == NULL)
    return -ENOMEM;
  onenet.worker =
      worker_new(onenet.options, onenet.stats, onenet.outbox, is_test);
  onenet.report = report_new(onenet.options, onenet.stats, onenet.outbox);
  return onenet.worker != NULL && onenet.report != NULL ? 0 : -ENOMEM;
}

static bool has_value_rules(void) {
  const struct rule_book *rules = onenet.options->rules;
  for (size_t i = 0; i < rule_book_count(rules); i++)
    if (rule_source(rule_book_rule(rules, i)) == EVENT_VALUE)
      return true;
  return false;
}

/* Registers the other callbacks only once everything runs: collectd leaves them
 * registered if init fails. */
static void register_callbacks(void) {
  plugin_register_notification(PLUGIN_NAME, onenet_notify, NULL);
  if (has_value_rules())
    plugin_register_write(PLUGIN_NAME, onenet_write, NULL);
  plugin_register_read(PLUGIN_NAME, onenet_read);
  plugin_register_flush(PLUGIN_NAME, onenet_flush, NULL);
  plugin_register_shutdown(PLUGIN_NAME, onenet_shutdown);
}

static int start_all(bool is_test) {
  char why[512] = "out of memory";
  int status = http_global_init();
  if (status < 0) {
    log_error("libcurl can not be used: it must be 7.68 or newer");
    return status;
  }
  status = make_all(is_test);
  if (status == 0)
    status = worker_start(onenet.worker, why, sizeof why);
  if (status < 0)
    log_error("%s", why);
  return status;
}

/* Remembers the files of devices of a start that works: a wrong line that comes
 * into one of them later does not prevent a start. */
static void remember_device_files(void) {
  const struct options *o = onenet.options;
  if (onenet.is_dry)
    return;
  int status = known_files_write(o->ledger_path, o->device_files);
  if (status < 0)
    log_warning("\"%s.devices\" can not be written: %s; a wrong line of a "
                "DeviceFile stops the next start",
                o->ledger_path, strerror(-status));
}

static int onenet_init(void) {
  if (onenet.options == NULL) {
    log_error("no <Plugin " PLUGIN_NAME "> block in the configuration");
    return -1;
  }
  if (start_all(is_configuration_test()) < 0) {
    free_all();
    return -1;
  }
  remember_device_files();
  register_callbacks();
  return 0;
}

void module_register(void) {
  log_install(write_log, NULL);
  plugin_register_complex_config(PLUGIN_NAME, onenet_config);
  plugin_register_init(PLUGIN_NAME, onenet_init);
}
