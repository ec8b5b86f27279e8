/* SPDX-License-Identifier: MIT
 *
 * shared_text owns texts that several things hold: one copy, with a count of
 * those who hold it. Whoever only reads such a text sees a const char * as any
 * other. One thread at a time uses a text.
 */
#ifndef ONENET_SHARED_TEXT_H
#define ONENET_SHARED_TEXT_H

/* Returns a shared copy of the text (borrowed) that the caller holds, or NULL
 * without memory. */
const char *shared_text_new(const char *text);

/* Makes one more hold the shared text, and returns it. NULL is allowed. */
const char *shared_text_ref(const char *shared);

/* Makes one less hold the shared text; the last one frees it. NULL is
 * allowed. */
void shared_text_unref(const char *shared);

/* Puts `same` in the place of *shared, which is given back, if both are the
 * same text. */
void shared_text_merge(const char **shared, const char *same);

#endif
