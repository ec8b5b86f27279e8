/* SPDX-License-Identifier: MIT
 *
 * fuzz_ledger owns the fuzz target of damage to a ledger and its -wal, as a
 * killed agent has left them. Whatever the damage: the ledger is opened and
 * loaded, and within a few turns all can be recorded and read again.
 *
 * Each 6 bytes of the input do one damage: where (a file and its place), what,
 * and with which byte.
 */
#include "fuzz.h"
#include "ledger_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAMAGE_BYTES 6
#define PAGE_BYTES 4096
#define COMMANDS 3
#define TURNS_MAX 6 /* until a damaged ledger has been set aside */

/* ---- what the killed agent has left ---- */

enum { MAIN, WAL, FILES };
static const char *const suffixes[FILES] = {"", "-wal"};

struct image {
  char *bytes;
  size_t size;
};

static struct image left[FILES];

static const char *path_of(const struct fixture *f, int file) {
  static char path[sizeof f->path + 8];
  snprintf(path, sizeof path, "%s%s", f->path, suffixes[file]);
  return path;
}

static struct image read_image(const char *path) {
  struct image image = {.size = 0};
  FILE *file = fopen(path, "rb");
  must(file != NULL && fseek(file, 0, SEEK_END) == 0);
  image.size = (size_t)ftell(file);
  image.bytes = malloc(image.size);
  rewind(file);
  must(image.bytes != NULL);
  must(fread(image.bytes, 1, image.size, file) == image.size);
  fclose(file);
  return image;
}

static void write_image(const char *path, const struct image *image) {
  FILE *file = fopen(path, "wb");
  must(file != NULL);
  must(fwrite(image->bytes, 1, image->size, file) == image->size);
  must(fclose(file) == 0);
}

/* Half of the ledger is in its -wal: the files are read while it is open. */
static void keep_left(void) {
  void *state;
  setenv("CMOCKA_TEST_ABORT", "1", 1); /* outside of a test of its own */
  must(fixture_setup(&state) == 0);
  struct fixture *f = state;
  fixture_restart(f, FIXTURE_NOW);
  must(fixture_put_state(f, COMMANDS, FIXTURE_NOW) == 0);
  fixture_restart(f, FIXTURE_NOW);
  must(fixture_put_state(f, COMMANDS, FIXTURE_NOW) == 0);
  for (int i = 0; i < FILES; i++)
    left[i] = read_image(path_of(f, i));
  must(left[MAIN].size > PAGE_BYTES && left[WAL].size > PAGE_BYTES);
  fixture_teardown(&state);
}

/* ---- the damage ---- */

static void damage(struct image *image, const uint8_t d[DAMAGE_BYTES]) {
  size_t place = ((size_t)d[1] << 16 | (size_t)d[2] << 8 | d[3]);
  if (image->size == 0)
    return;
  place %= image->size;
  size_t rest = image->size - place;
  switch (d[4] & 3) {
  case 0:
    image->bytes[place] = (char)d[5];
    break;
  case 1:
    image->bytes[place] ^= (char)(1 << (d[5] & 7));
    break;
  case 2:
    memset(image->bytes + place, d[5], rest < PAGE_BYTES ? rest : PAGE_BYTES);
    break;
  default:
    image->size = place;
  }
}

static void write_damaged(const struct fixture *f, const uint8_t *data,
                          size_t size) {
  struct image damaged[FILES];
  for (int i = 0; i < FILES; i++) {
    damaged[i] = (struct image){malloc(left[i].size), left[i].size};
    must(damaged[i].bytes != NULL);
    memcpy(damaged[i].bytes, left[i].bytes, left[i].size);
  }
  for (; size >= DAMAGE_BYTES; size -= DAMAGE_BYTES, data += DAMAGE_BYTES)
    damage(&damaged[data[0] % FILES], data);
  for (int i = 0; i < FILES; i++) {
    write_image(path_of(f, i), &damaged[i]);
    free(damaged[i].bytes);
  }
}

/* ---- what must hold ---- */

static void check_turns(struct fixture *f) {
  int turns = 0;
  while (fixture_put_state(f, COMMANDS, FIXTURE_NOW) != 0)
    must(++turns < TURNS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  void *state;
  if (left[MAIN].bytes == NULL)
    keep_left();
  must(fixture_setup(&state) == 0);
  struct fixture *f = state;
  write_damaged(f, data, size);
  fixture_peek(f, FIXTURE_NOW);
  fixture_restart(f, FIXTURE_NOW);
  check_turns(f);
  fixture_restart(f, FIXTURE_NOW);
  check_turns(f);
  fixture_teardown(&state);
  return 0;
}
