/* SPDX-License-Identifier: MIT */
#include "base/shared_text.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct shared {
  uint32_t holders;
  char text[];
};

static struct shared *shared_of(const char *text) {
  return (struct shared *)(void *)((char *)text -
                                   offsetof(struct shared, text));
}

static const char *text_of(const struct shared *s) { return s->text; }

const char *shared_text_new(const char *text) {
  size_t bytes = strlen(text) + 1;
  struct shared *s = malloc(sizeof *s + bytes);
  if (s == NULL)
    return NULL;
  s->holders = 1;
  memcpy(s->text, text, bytes);
  return text_of(s);
}

const char *shared_text_ref(const char *shared) {
  if (shared != NULL)
    shared_of(shared)->holders++;
  return shared;
}

void shared_text_unref(const char *shared) {
  if (shared != NULL && --shared_of(shared)->holders == 0)
    free(shared_of(shared));
}

void shared_text_merge(const char **shared, const char *same) {
  if (strcmp(*shared, same) != 0)
    return;
  shared_text_ref(same);
  shared_text_unref(*shared);
  *shared = same;
}
