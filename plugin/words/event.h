/* SPDX-License-Identifier: MIT
 *
 * event owns the event, which fires rules: a collectd notification, or one
 * value of a value list, as plain data without any type of collectd.
 *
 * An event borrows all its texts and lives no longer than the callback that
 * made it. No function here keeps state: any thread.
 */
#ifndef ONENET_EVENT_H
#define ONENET_EVENT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_source { EVENT_NOTIFICATION, EVENT_VALUE };

/* Severities from the best to the worst, so that the worst of several is the
 * greatest. SEVERITY_VALUE is that of a value, which is neither good nor
 * bad. */
enum severity {
  SEVERITY_OKAY,
  SEVERITY_WARNING,
  SEVERITY_FAILURE,
  SEVERITY_VALUE,
  SEVERITY_COUNT
};

/* Appends the text of meta data `name` of `meta` to out. Returns 0; -ENOENT if
 * there is none; or as buf_append. */
typedef int event_meta_fn(const void *meta, const char *name, struct buf *out);

struct event {
  enum event_source source;
  enum severity severity;
  const char *host;
  const char *plugin;
  const char *plugin_instance;
  const char *type;
  const char *type_instance;
  const char *data_source; /* "" where none is known */
  const char *message;     /* "" for values */
  bool has_value;
  double value;             /* CurrentValue, or a value or rate; may be NaN */
  int64_t wall_time_ms;     /* the event's own time, since 1970 */
  event_meta_fn *find_meta; /* NULL: no meta data */
  const void *meta;
};

/* The length of a series as text:
 * host/plugin-plugin_instance/type-type_instance, for values with /data_source
 * behind it. 6 names of at most 127 bytes, each with a separator or the NUL. */
#define EVENT_SERIES_BYTES (6 * 128)

/* Writes the event's series to ret_series. */
void event_format_series(const struct event *event,
                         char ret_series[static EVENT_SERIES_BYTES]);

/* Returns "okay", "warning", "failure" or "value". */
const char *event_severity_name(enum severity severity);

/* Writes the severity of that name to ret_severity. Returns 0 or -EINVAL. */
int event_parse_severity(const char *name, enum severity *ret_severity);

/* Returns whether this is threshold's notification of missing values: a FAILURE
 * with no CurrentValue whose message holds "has not been updated for". */
bool event_is_missing_value(const struct event *event);

/* Returns whether threshold may have overwritten the identity: a notification
 * with a DataSource whose message is exactly 255 bytes long. */
bool event_is_truncated(const struct event *event);

#endif
