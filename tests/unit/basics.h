/* SPDX-License-Identifier: MIT
 *
 * basics owns what unit tests of every room need: cmocka with the headers that
 * must come before it, tables, texts and files.
 */
#ifndef ONENET_TESTS_BASICS_H
#define ONENET_TESTS_BASICS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct body;

/* How many elements a table has. */
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A literal as two arguments: its bytes, which may be 0, and how many they are.
 */
#define BYTES(text) (text), sizeof(text) - 1

/* Returns prefix, `count` times piece, and suffix; the caller frees it. */
char *repeat(const char *prefix, const char *piece, size_t count,
             const char *suffix);

/* Makes the file of that path, or replaces what is in it. */
void write_file(const char *path, const void *data, size_t size);

/* The body is there, and is that text. */
void assert_body(const struct body *body, const char *expected);

#endif
