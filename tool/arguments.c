/* SPDX-License-Identifier: MIT */
#include "arguments.h"

#include "length.h"
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

int arguments_refuse(char **argv, int result) {
  const char *word = argv[optind - 1];
  if (result == ':')
    return tool_fail(TOOL_USAGE, "%s: %s needs a value: see onenetctl --help",
                     argv[0], word);
  return tool_fail(TOOL_USAGE,
                   "%s: %s is no option of it: see onenetctl --help", argv[0],
                   word);
}

int arguments_count(int argc, char **argv, int min, int max,
                    const char *words) {
  int count = argc - optind;
  if (count >= min && count <= max)
    return TOOL_OK;
  if (max == 0)
    return tool_fail(TOOL_USAGE, "%s takes no \"%s\": see onenetctl --help",
                     argv[0], argv[optind]);
  return tool_fail(TOOL_USAGE,
                   "%s takes %s, and nothing else: see onenetctl "
                   "--help",
                   argv[0], words);
}

int arguments_number(const char *what, const char *word, int64_t max,
                     int64_t *ret_number) {
  char *end;
  errno = 0;
  long long number = strtoll(word, &end, 10);
  if (end == word || *end != '\0' || errno != 0 || number < 1 || number > max)
    return tool_fail(TOOL_USAGE, "%s %s: must be a number of 1..%lld", what,
                     word, (long long)max);
  *ret_number = number;
  return TOOL_OK;
}

int arguments_length(const char *what, const char *word, int64_t max_s,
                     int64_t *ret_s) {
  if (length_parse(word, max_s, ret_s) == 0)
    return TOOL_OK;
  return tool_fail(TOOL_USAGE,
                   "%s %s: must be a length of time, as in 90s, 15m, 2h or 1d, "
                   "of %lldd at most",
                   what, word, (long long)(max_s / 86400));
}
