/* SPDX-License-Identifier: MIT */
#include "agent/outbox.h"

#include <pthread.h>
#include <stdlib.h>

struct outbox {
  pthread_mutex_t mutex; /* guards all below */
  size_t oldest;
  size_t count;
  struct news ring[OUTBOX_MAX];
};

struct outbox *outbox_new(void) {
  struct outbox *o = calloc(1, sizeof *o);
  if (o != NULL)
    pthread_mutex_init(&o->mutex, NULL);
  return o;
}

void outbox_free(struct outbox *o) {
  if (o == NULL)
    return;
  pthread_mutex_destroy(&o->mutex);
  free(o);
}

bool outbox_put(struct outbox *o, const struct news *news) {
  pthread_mutex_lock(&o->mutex);
  bool is_full = o->count == OUTBOX_MAX;
  o->ring[(o->oldest + o->count) % OUTBOX_MAX] = *news;
  if (is_full)
    o->oldest = (o->oldest + 1) % OUTBOX_MAX;
  else
    o->count++;
  pthread_mutex_unlock(&o->mutex);
  return is_full;
}

bool outbox_take(struct outbox *o, struct news *ret_news) {
  pthread_mutex_lock(&o->mutex);
  bool is_there = o->count > 0;
  if (is_there) {
    *ret_news = o->ring[o->oldest];
    o->oldest = (o->oldest + 1) % OUTBOX_MAX;
    o->count--;
  }
  pthread_mutex_unlock(&o->mutex);
  return is_there;
}
