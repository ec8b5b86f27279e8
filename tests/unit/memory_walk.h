/* SPDX-License-Identifier: MIT
 *
 * memory_walk owns the look at our own memory as a core dump would have it.
 */
#ifndef ONENET_MEMORY_WALK_H
#define ONENET_MEMORY_WALK_H

#include <stdbool.h>
#include <stddef.h>

/* Returns whether these bytes (borrowed) stand anywhere in memory that a core
 * dump would hold. They must stand in memory of base/secret themselves. */
bool memory_walk_finds(const void *bytes, size_t size);

/* Skips the test under a sanitizer: its own functions leave copies of what
 * they were given on the stack. */
void memory_walk_skip_if_sanitized(void);

#endif
