/* SPDX-License-Identifier: MIT */
#include "board.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

board_number *board_open(const char *path) {
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0)
    return NULL;
  void *board = mmap(NULL, BOARD_FIELD_COUNT * sizeof(board_number),
                     PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return board == MAP_FAILED ? NULL : board;
}

uint64_t board_clock_ns(int clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b) {
  const uint64_t *left = a, *right = b;
  return (*left > *right) - (*left < *right);
}

void board_sort(uint64_t *numbers, uint64_t count) {
  qsort(numbers, count, sizeof *numbers, compare);
}

uint64_t board_percentile(const uint64_t *sorted, uint64_t count,
                          unsigned hundredths) {
  return count == 0 ? 0 : sorted[(count - 1) * hundredths / 100];
}
