/* SPDX-License-Identifier: MIT
 *
 * log owns the way of one line of text to the sink that the edge installed.
 * Repeats are counted, not repeated: a line that equals one written less than
 * LOG_REPEAT_MS ago is only counted; the next time that line is written, or
 * when it leaves the table of recent lines, "(N more times)" says how often.
 *
 * Any thread may log. One mutex guards the table; the sink is called without
 * it.
 */
#ifndef ONENET_LOG_H
#define ONENET_LOG_H

#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO };

#define LOG_REPEAT_MS 60000
#define LOG_LINE_BYTES 1024 /* a longer line is cut */

/* Writes one line, without a newline; borrows it. */
typedef void log_sink_fn(enum log_level level, const char *line);
/* Returns a monotonic time in ms. */
typedef int64_t log_clock_fn(void);

/* Installs sink and clock, before any thread that logs is started. NULL for the
 * sink: lines are thrown away, as before the first call. NULL for the clock:
 * CLOCK_MONOTONIC. Forgets all repeats. */
void log_install(log_sink_fn *sink, log_clock_fn *clock);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Never counted as a repeat: for lines that differ anyhow. */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes what was counted and not yet told, of all lines. For shutdown. */
void log_flush(void);

#endif
