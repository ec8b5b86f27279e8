/* SPDX-License-Identifier: MIT
 *
 * fuzz_given owns the fuzz target of a line of PUTNOTIF: whatever the line, it
 * is read without harm, and the event that was read, written as a line and read
 * again, is the same.
 */
#include "fuzz.h"
#include "given.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append_quoted(struct buf *out, const char *name, const char *text) {
  buf_append_format(out, " %s=\"", name);
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\')
      buf_append_byte(out, '\\');
    buf_append_byte(out, *text);
  }
  buf_append_byte(out, '"');
}

static void write_line(const struct given *g, struct buf *out) {
  buf_append_format(out, "PUTNOTIF severity=%s time=%.3f",
                    event_severity_name(g->severity),
                    (double)g->wall_time_ms / 1000);
  append_quoted(out, "host", g->host);
  append_quoted(out, "plugin", g->plugin);
  append_quoted(out, "plugin_instance", g->plugin_instance);
  append_quoted(out, "type", g->type);
  append_quoted(out, "type_instance", g->type_instance);
  append_quoted(out, "s:DataSource", g->data_source);
  append_quoted(out, "message", g->message);
}

static void check_same(const struct event *a, const struct event *b) {
  char first[EVENT_SERIES_BYTES], second[EVENT_SERIES_BYTES];
  event_format_series(a, first);
  event_format_series(b, second);
  int64_t apart_ms = a->wall_time_ms - b->wall_time_ms;
  if (strcmp(first, second) != 0 || strcmp(a->message, b->message) != 0 ||
      strcmp(a->data_source, b->data_source) != 0 ||
      a->severity != b->severity || apart_ms < -1 || apart_ms > 1)
    abort();
}

static void check_again(const struct given *g) {
  char why[GIVEN_WHY_BYTES];
  struct given again;
  struct event first, second;
  struct buf line;
  buf_init(&line, 8192);
  given_init(&again, 0);
  write_line(g, &line);
  if (line.error == 0 && (given_read_line(&again, line.data, why) != 0 ||
                          given_event(g, &first, why) != 0 ||
                          given_event(&again, &second, why) != 0))
    abort();
  if (line.error == 0)
    check_same(&first, &second);
  given_free(&again);
  buf_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char why[GIVEN_WHY_BYTES] = "";
  struct given g;
  char *line = copy_as_text(data, size);
  if (line == NULL)
    return 0;
  given_init(&g, 0);
  if (given_read_line(&g, line, why) == 0)
    check_again(&g);
  else if (strlen(why) == 0)
    abort();
  given_free(&g);
  free(line);
  return 0;
}
