/* SPDX-License-Identifier: MIT
 *
 * scarce_memory owns memory that can not be had. It stands in front of malloc,
 * calloc, realloc, strdup, strndup, mmap and pool_take in a test that is linked
 * with $(memory_wrapped); see Makefile.am. What libraries take counts if the
 * test has them take it here.
 *
 * Any thread may ask for memory; one thread calls the rest.
 */
#ifndef ONENET_TESTS_SCARCE_MEMORY_H
#define ONENET_TESTS_SCARCE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From now on only so many pieces can be had, and then none. */
void scarce_memory_begin(long pieces);

/* From now on a single piece can not be had, the one behind so many others. */
void scarce_memory_miss_one(long pieces);

/* From now on one piece in so many can not be had, by chance. */
void scarce_memory_miss_by_chance(unsigned int one_in, uint64_t seed);

/* All can be had again. */
void scarce_memory_end(void);

/* Returns how many pieces could not be had since the last begin or miss. */
long scarce_memory_missed(void);

/* Lets the situation happen again and again, each time with another piece that
 * can not be had: alone, and then with all that follow it; until it asks for no
 * more. Each time `before`, if it is not NULL, is called with all memory, and
 * the situation has all of it again once it has called scarce_memory_end. The
 * test fails unless it asked for `at_least` pieces. */
void scarce_memory_walk(void (*before)(void *context),
                        void (*situation)(void *context), void *context,
                        long at_least);

/* Makes walks try only one piece in so many, from one by chance on: where there
 * are thousands. With ONENET_EVERY_PIECE in the environment they try each. */
void scarce_memory_stride(long stride);

/* Has SQLite take its memory here. Before anything is asked of SQLite. */
void scarce_memory_serve_sqlite(void);

/* From now on the calling thread has all memory: it is not what is tested. */
void scarce_memory_spare_thread(void);

/* For a library that can be told where to take memory. */
void *scarce_memory_malloc(size_t size);
void *scarce_memory_calloc(size_t count, size_t size);
void *scarce_memory_realloc(void *old, size_t size);
char *scarce_memory_strdup(const char *text);

#endif
