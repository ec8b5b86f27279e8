/* SPDX-License-Identifier: MIT */
#include "event_fixture.h"

#include <errno.h>
#include <string.h>

struct event an_event(void) {
  return (struct event){.source = EVENT_NOTIFICATION,
                        .severity = SEVERITY_FAILURE,
                        .host = "rack1",
                        .plugin = "sensors",
                        .plugin_instance = "cpu",
                        .type = "temperature",
                        .type_instance = "core0",
                        .data_source = "value",
                        .message = "too hot",
                        .has_value = true,
                        .value = 91.5,
                        .wall_time_ms = INT64_C(1795402549250)};
}

static int find_meta(const void *meta, const char *name, struct buf *out) {
  if (strcmp(name, "absent") == 0)
    return -ENOENT;
  if (strcmp(name, "no memory") == 0)
    return -ENOMEM;
  return buf_append_text(out, meta);
}

struct event an_event_with_meta(const char *text) {
  struct event e = an_event();
  e.find_meta = find_meta;
  e.meta = text;
  return e;
}

struct event a_value(void) {
  struct event e = an_event();
  e.source = EVENT_VALUE;
  e.severity = SEVERITY_VALUE;
  e.message = "";
  return e;
}

struct event a_missing_value(void) {
  struct event e = an_event();
  e.has_value = false;
  e.data_source = "";
  e.message = EVENT_SERIES " has not been updated for 20.000 seconds.";
  return e;
}
