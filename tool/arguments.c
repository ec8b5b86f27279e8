/* SPDX-License-Identifier: MIT */
#include "arguments.h"

#include "length.h"
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Returns the word at which getopt_long has stopped: it stays at one with more
 * letters behind that which it does not know. */
static const char *find_refused(char **argv) {
  const char *word = argv[optind - 1];
  bool is_letter = optopt != 0;
  bool is_of_word = word[0] == '-' && word[1] != '-' &&
                    strchr(word + 1, (char)optopt) != NULL;
  return is_letter && !is_of_word ? argv[optind] : word;
}

/* Returns whether the option is known: then getopt_long tells its number, and
 * the numbers of options without a value are no letters. */
static bool takes_no_value(int result) {
  return result == '?' && optopt > 0 && optopt < ' ';
}

int arguments_refuse(char **argv, int result) {
  if (result == ':')
    return tool_fail(TOOL_USAGE,
                     "%s: %s needs a value: see onenetctl %s --help", argv[0],
                     argv[optind - 1], argv[0]);
  if (takes_no_value(result))
    return tool_fail(TOOL_USAGE, "%s: %s: takes no value", argv[0],
                     argv[optind - 1]);
  return tool_fail(TOOL_USAGE,
                   "%s: %s is no option of it: see onenetctl %s --help; words "
                   "behind -- are no options",
                   argv[0], find_refused(argv), argv[0]);
}

int arguments_count(int argc, char **argv, int min, int max,
                    const char *words) {
  int count = argc - optind;
  if (count >= min && count <= max)
    return TOOL_OK;
  if (max == 0)
    return tool_fail(TOOL_USAGE, "%s takes no \"%s\": see onenetctl %s --help",
                     argv[0], argv[optind], argv[0]);
  return tool_fail(TOOL_USAGE,
                   "%s takes %s, and nothing else: see onenetctl %s --help",
                   argv[0], words, argv[0]);
}

int arguments_words(int argc, char **argv, int min, int max,
                    const char *words) {
  static const struct option none[] = {{NULL, 0, NULL, 0}};
  opterr = 0;
  int option = getopt_long(argc, argv, ":", none, NULL);
  return option == -1 ? arguments_count(argc, argv, min, max, words)
                      : arguments_refuse(argv, option);
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
