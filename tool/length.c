/* SPDX-License-Identifier: MIT */
#include "length.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct unit {
  char letter;
  int64_t seconds;
};

static const struct unit units[] = {
    {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

#define UNIT_COUNT (sizeof units / sizeof units[0])

/* Returns the seconds of the unit of that letter; 0 if there is none. */
static int64_t unit_seconds(char letter) {
  for (size_t i = 0; i < UNIT_COUNT; i++)
    if (units[i].letter == letter)
      return units[i].seconds;
  return 0;
}

int length_parse(const char *text, int64_t max_s, int64_t *ret_s) {
  int64_t number = 0;
  size_t digits = strspn(text, "0123456789");
  int64_t unit_s = text[digits] != '\0' ? unit_seconds(text[digits]) : 0;
  if (digits == 0 || unit_s == 0 || text[digits + 1] != '\0')
    return -EINVAL;
  for (size_t i = 0; i < digits; i++) {
    number = 10 * number + (text[i] - '0');
    if (number > max_s / unit_s)
      return -EINVAL;
  }
  *ret_s = number * unit_s;
  return 0;
}

void length_format(int64_t seconds, char ret_text[static LENGTH_BYTES]) {
  size_t i = 0;
  if (seconds < 0)
    seconds = 0;
  while (i + 1 < UNIT_COUNT && seconds < units[i].seconds)
    i++;
  int size = snprintf(ret_text, LENGTH_BYTES, "%lld%c",
                      (long long)(seconds / units[i].seconds), units[i].letter);
  if (i + 1 == UNIT_COUNT)
    return;
  int64_t rest = seconds % units[i].seconds / units[i + 1].seconds;
  if (rest > 0 && size > 0 && size < LENGTH_BYTES)
    snprintf(ret_text + size, LENGTH_BYTES - (size_t)size, " %lld%c",
             (long long)rest, units[i + 1].letter);
}
