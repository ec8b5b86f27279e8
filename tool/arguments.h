/* SPDX-License-Identifier: MIT
 *
 * arguments owns the reading of a command's words, and what is said of a wrong
 * one. Functions that return an exit status return TOOL_OK; or TOOL_USAGE,
 * after they have written what is wrong to stderr.
 */
#ifndef ONENET_ARGUMENTS_H
#define ONENET_ARGUMENTS_H

#include <stdint.h>

/* Refuses the option at which getopt_long has stopped; opterr must be 0.
 * `result` is what getopt_long returned: ':' where a value is missing (the
 * short options begin with ":"), else '?'. Options without a value have numbers
 * of 1..31 in the table, and there are no short ones. Returns TOOL_USAGE. */
int arguments_refuse(char **argv, int result);

/* Checks that the command has between min and max words besides its options;
 * `words` is how the usage calls them: "DEVICE BODY". To be called after
 * getopt_long has returned -1. */
int arguments_count(int argc, char **argv, int min, int max, const char *words);

/* Does the same for a command that has no options. The words begin at optind.
 */
int arguments_words(int argc, char **argv, int min, int max, const char *words);

/* Read a number from 1 to max, or a length of time of at most max_s seconds.
 * `what` is the option or word: "--limit". */
int arguments_number(const char *what, const char *word, int64_t max,
                     int64_t *ret_number);
int arguments_length(const char *what, const char *word, int64_t max_s,
                     int64_t *ret_s);

#endif
