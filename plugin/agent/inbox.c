/* SPDX-License-Identifier: MIT */
#include "agent/inbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct inbox {
  pthread_mutex_t mutex; /* guards all below */
  struct firing *first;
  struct firing **end;
  size_t firings;
  size_t bytes;
  size_t max_firings;
  size_t max_bytes;
  bool closed;
};

struct inbox *inbox_new(size_t max_firings, size_t max_bytes) {
  struct inbox *in = calloc(1, sizeof *in);
  if (in == NULL)
    return NULL;
  pthread_mutex_init(&in->mutex, NULL);
  in->end = &in->first;
  in->max_firings = max_firings;
  in->max_bytes = max_bytes;
  return in;
}

void inbox_free(struct inbox *in) {
  if (in == NULL)
    return;
  for (struct firing *f = in->first, *next; f != NULL; f = next) {
    next = f->next;
    firing_free(f);
  }
  pthread_mutex_destroy(&in->mutex);
  free(in);
}

static size_t firing_bytes(const struct firing *f) {
  return (f->body != NULL ? f->body->size : 0) +
         (f->okay_body != NULL ? f->okay_body->size : 0);
}

static int put_locked(struct inbox *in, struct firing *f) {
  size_t bytes = firing_bytes(f);
  if (in->closed)
    return -EPIPE;
  if (in->firings >= in->max_firings || bytes > in->max_bytes - in->bytes)
    return -ENOBUFS;
  f->next = NULL;
  *in->end = f;
  in->end = &f->next;
  in->firings++;
  in->bytes += bytes;
  return 0;
}

int inbox_put(struct inbox *in, struct firing *f, bool *ret_was_empty) {
  pthread_mutex_lock(&in->mutex);
  bool was_empty = in->first == NULL;
  int status = put_locked(in, f);
  pthread_mutex_unlock(&in->mutex);
  if (status == 0)
    *ret_was_empty = was_empty;
  return status;
}

struct firing *inbox_take_all(struct inbox *in) {
  pthread_mutex_lock(&in->mutex);
  struct firing *first = in->first;
  in->first = NULL;
  in->end = &in->first;
  in->firings = 0;
  in->bytes = 0;
  pthread_mutex_unlock(&in->mutex);
  return first;
}

size_t inbox_count(struct inbox *in) {
  pthread_mutex_lock(&in->mutex);
  size_t count = in->firings;
  pthread_mutex_unlock(&in->mutex);
  return count;
}

void inbox_close(struct inbox *in) {
  pthread_mutex_lock(&in->mutex);
  in->closed = true;
  pthread_mutex_unlock(&in->mutex);
}
