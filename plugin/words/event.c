/* SPDX-License-Identifier: MIT */
#include "words/event.h"

#include <errno.h>
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

/* Copies the text, as far as there is room before `last`, and returns its end.
 * A name that threshold wrote beyond its end is too long. */
static char *put_text(char *at, const char *last, const char *text) {
  size_t size = strnlen(text, (size_t)(last - at));
  memcpy(at, text, size);
  return at + size;
}

static char *put_part(char *at, const char *last, const char *name,
                      const char *instance) {
  at = put_text(at, last, "/");
  at = put_text(at, last, name);
  if (instance[0] == '\0')
    return at;
  at = put_text(at, last, "-");
  return put_text(at, last, instance);
}

/* Uses no printf, since each firing needs a series, on a thread of collectd. */
void event_format_series(const struct event *event,
                         char ret_series[static EVENT_SERIES_BYTES]) {
  const char *last = &ret_series[EVENT_SERIES_BYTES - 1]; /* of the NUL */
  char *at = put_text(ret_series, last, event->host);
  at = put_part(at, last, event->plugin, event->plugin_instance);
  at = put_part(at, last, event->type, event->type_instance);
  /* The state of a notification belongs to the value list, whichever of its
   * data sources the notification names. */
  if (event->source == EVENT_VALUE)
    at = put_part(at, last, event->data_source, "");
  *at = '\0';
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
