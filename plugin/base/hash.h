/* SPDX-License-Identifier: MIT
 *
 * hash owns the one hash function of this plugin: FNV-1a with 64 bits. It
 * spreads keys over a table, and keeps nobody from choosing keys that meet.
 * No state: any thread.
 */
#ifndef ONENET_HASH_H
#define ONENET_HASH_H

#include <stdint.h>

/* The hash of nothing. */
#define HASH_BEGIN UINT64_C(14695981039346656037)

/* Return the hash of what was hashed before with a number, or the bytes of a
 * text, behind it. */
uint64_t hash_number(uint64_t hash, uint64_t number);
uint64_t hash_text(uint64_t hash, const char *text);

#endif
