/* SPDX-License-Identifier: MIT
 *
 * secret owns memory for keys and what is made of them: whole pages of its own,
 * which are left out of core dumps and wiped before they are given back. It may
 * be called from any thread. Each piece takes a page or more: it is not for
 * what there are many of.
 */
#ifndef ONENET_SECRET_H
#define ONENET_SECRET_H

#include <stddef.h>

/* Returns that many bytes, zeroed, that the caller ends with secret_free; NULL
 * without memory. A kernel that can not leave pages out of core dumps gives
 * them nevertheless. */
void *secret_alloc(size_t bytes);

/* Returns a copy of the text, as secret_alloc. */
char *secret_copy(const char *text);

/* Wipes the memory and gives it back; NULL is allowed. */
void secret_free(void *memory);

#endif
