/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "base/one_line.h"
#include "base/systime.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define RECENT_LINES 32
#define TOLD_BYTES (LOG_LINE_BYTES + LOG_COUNT_BYTES)

struct recent {
  enum log_level level;
  char line[LOG_LINE_BYTES]; /* "": unused */
  int64_t written_ms;
  unsigned long untold; /* repeats since it was written */
};

/* A copy of a line and its count, so that the sink can be called without
 * holding the mutex. */
struct told {
  enum log_level level;
  char line[TOLD_BYTES]; /* "": none */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct recent recents[RECENT_LINES];
static log_sink_fn *installed_sink;
static log_clock_fn *installed_clock;

void log_install(log_sink_fn *sink, log_clock_fn *clock) {
  pthread_mutex_lock(&mutex);
  memset(recents, 0, sizeof(recents));
  installed_sink = sink;
  installed_clock = clock == NULL ? systime_monotonic_ms : clock;
  pthread_mutex_unlock(&mutex);
}

/* A field of an event may hold anything, but must not look like a second line.
 */
static void format_line(char ret_line[static LOG_LINE_BYTES],
                        const char *format, va_list arguments) {
  char whole[LOG_LINE_BYTES + 1]; /* one byte tells whether it goes on */
  vsnprintf(whole, sizeof(whole), format, arguments);
  const size_t kept = one_line_cut(whole, strlen(whole), LOG_LINE_BYTES - 1);
  memcpy(ret_line, whole, kept);
  ret_line[kept] = '\0';
  one_line_blank(ret_line, kept);
}

static bool is_same(const struct recent *r, enum log_level level,
                    const char *line) {
  return r->level == level && strcmp(r->line, line) == 0;
}

/* Returns the entry of that line; if it has none, an unused entry; if there is
 * none, the entry of the line that was written the longest ago. */
static struct recent *find_place(enum log_level level, const char *line) {
  struct recent *oldest = &recents[0];
  for (struct recent *r = recents; r < recents + RECENT_LINES; r++) {
    if (is_same(r, level, line))
      return r;
    if (oldest->line[0] != '\0' &&
        (r->line[0] == '\0' || r->written_ms < oldest->written_ms))
      oldest = r;
  }
  return oldest;
}

static void tell_repeats(struct recent *r, struct told *ret_told) {
  ret_told->line[0] = '\0';
  if (r->untold == 0)
    return;
  ret_told->level = r->level;
  snprintf(ret_told->line, sizeof(ret_told->line), "%s (%lu more times)",
           r->line, r->untold);
  r->untold = 0;
}

/* Counts the line as a repeat, or enters it into the table. Writes to ret_told
 * the repeats of its entry, which may belong to a line that it replaces.
 * Returns whether the line itself is to be written, after ret_told. */
static bool remember(enum log_level level, const char *line, int64_t now_ms,
                     struct told *ret_told) {
  struct recent *r = find_place(level, line);
  bool is_known = is_same(r, level, line);
  if (is_known && now_ms - r->written_ms < LOG_REPEAT_MS) {
    r->untold++;
    ret_told->line[0] = '\0';
    return false;
  }
  tell_repeats(r, ret_told);
  r->level = level;
  snprintf(r->line, sizeof(r->line), "%s", line);
  r->written_ms = now_ms;
  return !is_known || ret_told->line[0] == '\0';
}

static void write_counted(enum log_level level, const char *format,
                          va_list arguments) {
  char line[LOG_LINE_BYTES];
  struct told told = {.line = ""};
  bool is_written = false;
  format_line(line, format, arguments);

  pthread_mutex_lock(&mutex);
  log_sink_fn *sink = installed_sink;
  if (sink != NULL)
    is_written = remember(level, line, installed_clock(), &told);
  pthread_mutex_unlock(&mutex);

  if (told.line[0] != '\0')
    sink(told.level, told.line);
  if (is_written)
    sink(level, line);
}

void log_error(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  write_counted(LOG_LEVEL_ERROR, format, arguments);
  va_end(arguments);
}

void log_warning(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  write_counted(LOG_LEVEL_WARNING, format, arguments);
  va_end(arguments);
}

static log_sink_fn *current_sink(void) {
  pthread_mutex_lock(&mutex);
  log_sink_fn *sink = installed_sink;
  pthread_mutex_unlock(&mutex);
  return sink;
}

void log_info(const char *format, ...) {
  log_sink_fn *sink = current_sink();
  if (sink == NULL)
    return;
  char line[LOG_LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  format_line(line, format, arguments);
  va_end(arguments);
  sink(LOG_LEVEL_INFO, line);
}

void log_flush(void) {
  log_sink_fn *sink = current_sink();
  for (size_t i = 0; i < RECENT_LINES; i++) {
    struct told told;
    pthread_mutex_lock(&mutex);
    tell_repeats(&recents[i], &told);
    pthread_mutex_unlock(&mutex);
    if (told.line[0] != '\0')
      sink(told.level, told.line);
  }
}
