/* SPDX-License-Identifier: MIT
 *
 * one_line owns how a text from outside becomes a part of one line: where it is
 * cut, and which characters become blanks. No state: any thread.
 */
#ifndef ONENET_ONE_LINE_H
#define ONENET_ONE_LINE_H

#include <stddef.h>

/* Returns how many bytes of a text of that size to keep so that they are
 * max_bytes at most, and no character of UTF-8 is cut. */
size_t one_line_cut(const char *text, size_t size, size_t max_bytes);

/* Makes each character that could make a second line, or a line that reads
 * differently, one blank: control characters (C0, DEL, C1), U+2028 and U+2029,
 * which break a line, and U+202A..202E and U+2066..2069, which turn the
 * direction of writing. The text has that size and a NUL behind it; it may hold
 * NULs and invalid UTF-8. It may become shorter, again with a NUL behind it. */
void one_line_blank(char *text, size_t size);

#endif
