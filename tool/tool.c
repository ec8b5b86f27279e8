/* SPDX-License-Identifier: MIT */
#include "tool.h"

#include <stdarg.h>
#include <stdio.h>

int tool_fail(enum tool_exit status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("onenetctl: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  return (int)status;
}
