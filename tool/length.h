/* SPDX-License-Identifier: MIT
 *
 * length owns the writing of a length of time: 90s, 15m, 2h, 1d.
 */
#ifndef ONENET_LENGTH_H
#define ONENET_LENGTH_H

#include <stdint.h>

#define LENGTH_BYTES 24

/* Reads a whole number with one of the letters s, m, h, d behind it, at most
 * max_s seconds in all. Returns 0 and the seconds, or -EINVAL. */
int length_parse(const char *text, int64_t max_s, int64_t *ret_s);

/* Writes a length for people, two units at most: "45s", "3m", "2h 5m", "3d 4h".
 * A negative one is "0s". */
void length_format(int64_t seconds, char ret_text[static LENGTH_BYTES]);

#endif
