/* SPDX-License-Identifier: MIT
 *
 * scarce_memory owns memory that can not be had. It stands in front of malloc,
 * calloc and realloc in a test that is linked with $(memory_wrapped); see
 * Makefile.am.
 */
#ifndef ONENET_TESTS_SCARCE_MEMORY_H
#define ONENET_TESTS_SCARCE_MEMORY_H

/* From now on only so many pieces can be had, and then none. */
void scarce_memory_begin(long pieces);

/* All can be had again. */
void scarce_memory_end(void);

#endif
