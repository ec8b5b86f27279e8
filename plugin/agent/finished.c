/* SPDX-License-Identifier: MIT */
#include "agent/finished.h"

#include <pthread.h>
#include <stdlib.h>

struct finished {
  pthread_mutex_t mutex; /* guards all below */
  size_t oldest;
  size_t count;
  struct finished_command ring[FINISHED_MAX];
};

struct finished *finished_new(void) {
  struct finished *f = calloc(1, sizeof *f);
  if (f != NULL)
    pthread_mutex_init(&f->mutex, NULL);
  return f;
}

void finished_free(struct finished *f) {
  if (f == NULL)
    return;
  pthread_mutex_destroy(&f->mutex);
  free(f);
}

bool finished_put(struct finished *f, const struct finished_command *one) {
  pthread_mutex_lock(&f->mutex);
  bool is_full = f->count == FINISHED_MAX;
  f->ring[(f->oldest + f->count) % FINISHED_MAX] = *one;
  if (is_full)
    f->oldest = (f->oldest + 1) % FINISHED_MAX;
  else
    f->count++;
  pthread_mutex_unlock(&f->mutex);
  return is_full;
}

bool finished_take(struct finished *f, struct finished_command *ret_one) {
  pthread_mutex_lock(&f->mutex);
  bool is_there = f->count > 0;
  if (is_there) {
    *ret_one = f->ring[f->oldest];
    f->oldest = (f->oldest + 1) % FINISHED_MAX;
    f->count--;
  }
  pthread_mutex_unlock(&f->mutex);
  return is_there;
}
