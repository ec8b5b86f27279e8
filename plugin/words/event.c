/* SPDX-License-Identifier: MIT */
#include "words/event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The length of a message that fills threshold's buffer of 256 bytes, and may
 * have been cut. */
#define MESSAGE_FULL_BYTES 255

static const char *const severity_names[SEVERITY_COUNT] = {
    [SEVERITY_OKAY] = "okay",
    [SEVERITY_WARNING] = "warning",
    [SEVERITY_FAILURE] = "failure",
    [SEVERITY_VALUE] = "value",
};

static const char *dash_before(const char *instance) {
  return instance[0] == '\0' ? "" : "-";
}

void event_format_series(const struct event *event,
                         char ret_series[static EVENT_SERIES_BYTES]) {
  /* The state of a notification belongs to the value list, whichever of its
   * data sources the notification names. */
  bool is_value = event->source == EVENT_VALUE;
  snprintf(ret_series, EVENT_SERIES_BYTES, "%s/%s%s%s/%s%s%s%s%s", event->host,
           event->plugin, dash_before(event->plugin_instance),
           event->plugin_instance, event->type,
           dash_before(event->type_instance), event->type_instance,
           is_value ? "/" : "", is_value ? event->data_source : "");
}

const char *event_severity_name(enum severity severity) {
  return severity_names[severity];
}

int event_parse_severity(const char *name, enum severity *ret_severity) {
  for (enum severity s = SEVERITY_OKAY; s < SEVERITY_COUNT; s++) {
    if (strcmp(name, severity_names[s]) == 0) {
      *ret_severity = s;
      return 0;
    }
  }
  return -EINVAL;
}

bool event_is_missing_value(const struct event *event) {
  return event->source == EVENT_NOTIFICATION &&
         event->severity == SEVERITY_FAILURE && !event->has_value &&
         strstr(event->message, "has not been updated for") != NULL;
}

bool event_is_truncated(const struct event *event) {
  return event->source == EVENT_NOTIFICATION && event->data_source[0] != '\0' &&
         strlen(event->message) == MESSAGE_FULL_BYTES;
}
