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

#endif
