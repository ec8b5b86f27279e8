/* SPDX-License-Identifier: MIT
 *
 * log owns the writing of lines to the log, through the sink that log_install
 * installs. A line that equals one written less than LOG_REPEAT_MS ago is a
 * repeat: it is counted, not written. The count is written as "(N more times)"
 * when the line comes again later, or when it leaves the table of recent lines.
 *
 * Any thread may log. One mutex guards the table; the sink is called without
 * holding it.
 */
#ifndef ONENET_LOG_H
#define ONENET_LOG_H

#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO };

#define LOG_REPEAT_MS 60000
/* A line of collectd's log has at most 1023 bytes; the name of the plugin, and
 * a count of repeats, go into them, too. */
#define LOG_LINE_BYTES 960 /* longer lines are cut between two characters */
#define LOG_COUNT_BYTES 40

/* Writes one line, without a newline; borrows it. */
typedef void log_sink_fn(enum log_level level, const char *line);
/* Returns a monotonic time in ms. */
typedef int64_t log_clock_fn(void);

/* Installs sink and clock; to be called before any thread that logs is started.
 * Without a sink (NULL, or before the first call) lines are discarded. NULL for
 * the clock: CLOCK_MONOTONIC. Forgets all repeats. */
void log_install(log_sink_fn *sink, log_clock_fn *clock);

/* Write a line, or count it as a repeat. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Writes a line without looking for repeats: for lines that always differ. */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes the counts of all repeats that were not written yet. For shutdown. */
void log_flush(void);

#endif
