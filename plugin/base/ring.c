/* SPDX-License-Identifier: MIT */
#include "base/ring.h"

void ring_init(struct ring *head) { head->before = head->after = head; }

struct ring *ring_first(const struct ring *head) {
  return ring_next(head, head);
}

struct ring *ring_next(const struct ring *head, const struct ring *link) {
  return link->after != head ? link->after : NULL;
}

void ring_append(struct ring *head, struct ring *link) {
  link->before = head->before;
  link->after = head;
  head->before->after = link;
  head->before = link;
}

void ring_remove(struct ring *link) {
  if (!ring_has(link))
    return;
  link->before->after = link->after;
  link->after->before = link->before;
  *link = (struct ring){0};
}

bool ring_has(const struct ring *link) { return link->after != NULL; }
