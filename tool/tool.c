/* SPDX-License-Identifier: MIT */
#include "tool.h"

#include "base/buf.h"
#include "base/one_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 4096

/* Writes a text, which may come from a file or a server, as one line, behind
 * what was written to stdout. */
static void write_line(const char *text) {
  struct buf line;
  buf_init(&line, 3 * LINE_MAX_BYTES);
  buf_append_utf8(&line, text, strlen(text));
  if (line.size > 0)
    one_line_blank(line.data, line.size);
  fflush(stdout);
  fprintf(stderr, "onenetctl: %s\n", buf_text(&line));
  buf_free(&line);
}

int tool_fail(enum tool_exit status, const char *format, ...) {
  char text[LINE_MAX_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  write_line(text);
  return (int)status;
}
