/* SPDX-License-Identifier: MIT */
#include "ledger/sqlite_wal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_BYTES 32
#define FRAME_HEADER_BYTES 24
#define SUMMED_BYTES 8   /* of a frame's header */
#define MAGIC 0x377f0682 /* and with its last bit: sums are big-endian */
#define WAL_VERSION 3007000
#define PAGE_MIN_BYTES 512
#define PAGE_MAX_BYTES 65536
#define PAGE_USUAL_BYTES 4096
#define MAP_BYTES 100 /* of the -shm: two headers, then nBackfill */

struct sums {
  uint32_t a, b;
};

struct wal {
  int fd;
  bool sums_are_big; /* endian */
  size_t page_bytes;
  unsigned char salt[SQLITE_WAL_SALT_BYTES];
  struct sums sums; /* of the header, then of all frames so far */
  unsigned char *frame;
};

static uint32_t big32(const unsigned char *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
         p[3];
}

static uint32_t little32(const unsigned char *p) {
  return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 |
         p[0];
}

static void add_sums(struct sums *s, bool is_big, const unsigned char *bytes,
                     size_t size) {
  for (size_t i = 0; i < size; i += 8) {
    s->a += (is_big ? big32(bytes + i) : little32(bytes + i)) + s->b;
    s->b += (is_big ? big32(bytes + i + 4) : little32(bytes + i + 4)) + s->a;
  }
}

/* Sums are stored big-endian, whatever they were made of. */
static bool are_at(const struct sums *s, const unsigned char *stored) {
  return s->a == big32(stored) && s->b == big32(stored + 4);
}

/* Returns whether all bytes were there. */
static bool read_at(int fd, void *bytes, size_t size, off_t offset) {
  char *to = bytes;
  while (size > 0) {
    ssize_t got = pread(fd, to, size, offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    to += got;
    size -= (size_t)got;
    offset += got;
  }
  return true;
}

/* ---- the -wal ---- */

static bool is_page_size(size_t bytes) {
  return bytes >= PAGE_MIN_BYTES && bytes <= PAGE_MAX_BYTES &&
         (bytes & (bytes - 1)) == 0;
}

/* Returns whether the header is one that SQLite accepts. */
static bool take_header(struct wal *w, const unsigned char *header) {
  uint32_t magic = big32(header);
  w->page_bytes = big32(header + 8);
  w->sums_are_big = (magic & 1) != 0;
  memcpy(w->salt, header + 16, SQLITE_WAL_SALT_BYTES);
  add_sums(&w->sums, w->sums_are_big, header, HEADER_BYTES - 8);
  return (magic & ~1U) == MAGIC && big32(header + 4) == WAL_VERSION &&
         is_page_size(w->page_bytes) && are_at(&w->sums, header + 24);
}

static bool read_frame(struct wal *w, uint32_t index) {
  size_t size = FRAME_HEADER_BYTES + w->page_bytes;
  return read_at(w->fd, w->frame, size,
                 HEADER_BYTES + (off_t)index * (off_t)size);
}

static bool has_salt(const struct wal *w) {
  return memcmp(w->frame + 8, w->salt, SQLITE_WAL_SALT_BYTES) == 0;
}

static bool is_commit(const struct wal *w) { return big32(w->frame + 4) != 0; }

/* Returns whether the frame follows those before it. */
static bool take_sums(struct wal *w) {
  struct sums sums = w->sums;
  add_sums(&sums, w->sums_are_big, w->frame, SUMMED_BYTES);
  add_sums(&sums, w->sums_are_big, w->frame + FRAME_HEADER_BYTES,
           w->page_bytes);
  if (!are_at(&sums, w->frame + 16))
    return false;
  w->sums = sums;
  return true;
}

/* Frames left from before the -wal was last begun anew have neither the right
 * salt nor right sums; where the salt alone is wrong it was damaged. */
static uint32_t find_last_commit(struct wal *w, uint32_t index,
                                 bool first_is_ours) {
  uint32_t last = 0;
  for (bool is_first = true; read_frame(w, index); index++, is_first = false)
    if ((has_salt(w) || (is_first && first_is_ours)) && is_commit(w))
      last = index + 1;
  return last;
}

static void count_frames(struct wal *w, struct sqlite_wal_frames *ret_frames) {
  uint32_t index = 0;
  bool follows = false;
  for (; read_frame(w, index); index++) {
    follows = take_sums(w);
    if (!follows || !has_salt(w))
      break;
    if (is_commit(w))
      ret_frames->recovered = index + 1;
  }
  uint32_t last = find_last_commit(w, index, follows);
  if (last > ret_frames->recovered)
    ret_frames->lost = last - ret_frames->recovered;
}

static bool is_zero(const unsigned char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != 0)
      return false;
  return true;
}

static uint32_t guess_frames(int fd) {
  off_t end = lseek(fd, 0, SEEK_END);
  return (uint32_t)((end - HEADER_BYTES) /
                    (FRAME_HEADER_BYTES + PAGE_USUAL_BYTES)) +
         1;
}

/* A -wal without a whole header holds nothing, nor does one that was zeroed
 * before anything was written. */
static int look_at_wal(struct wal *w, struct sqlite_wal_frames *ret_frames) {
  unsigned char header[HEADER_BYTES];
  if (!read_at(w->fd, header, sizeof header, 0))
    return 0;
  if (!take_header(w, header)) {
    ret_frames->lost = is_zero(header, sizeof header) ? 0 : guess_frames(w->fd);
    return 0;
  }
  w->frame = malloc(FRAME_HEADER_BYTES + w->page_bytes);
  if (w->frame == NULL)
    return -ENOMEM;
  count_frames(w, ret_frames);
  free(w->frame);
  return 0;
}

/* ---- the -shm: in the byte order of the machine ---- */

/* map_header: SQLite's WalIndexHdr; the sums are of the fields before them. */
struct map_header {
  uint32_t version;
  uint32_t unused;
  uint32_t change;
  uint8_t is_complete;
  uint8_t sums_are_big;
  uint16_t page_bytes;
  uint32_t frames;
  uint32_t pages;
  uint32_t frame_sums[2];
  unsigned char salt[SQLITE_WAL_SALT_BYTES];
  uint32_t sums[2];
};

static bool is_native_big(void) {
  const uint32_t one = 1;
  unsigned char bytes[sizeof one];
  memcpy(bytes, &one, sizeof one);
  return bytes[0] == 0;
}

static bool is_map_header(const struct map_header *h,
                          const struct map_header *copy) {
  struct sums sums = {0, 0};
  add_sums(&sums, is_native_big(), (const unsigned char *)h,
           offsetof(struct map_header, sums));
  return memcmp(h, copy, sizeof *h) == 0 && h->version == WAL_VERSION &&
         h->is_complete != 0 && sums.a == h->sums[0] && sums.b == h->sums[1];
}

/* committed: how many frames of this -wal were, and how many of these are in
 * the file itself; 0 and 0 if the -shm does not know, or is of another -wal. */
struct committed {
  uint32_t frames, in_file;
};

static struct committed read_committed(int shm_fd, const struct wal *w) {
  unsigned char map[MAP_BYTES];
  struct map_header header, copy;
  struct committed c = {0, 0};
  if (!read_at(shm_fd, map, sizeof map, 0))
    return c;
  memcpy(&header, map, sizeof header);
  memcpy(&copy, map + sizeof header, sizeof copy);
  bool is_of_wal = w->page_bytes == 0 ||
                   memcmp(header.salt, w->salt, SQLITE_WAL_SALT_BYTES) == 0;
  if (!is_map_header(&header, &copy) || !is_of_wal)
    return c;
  c.frames = header.frames;
  memcpy(&c.in_file, map + 2 * sizeof header, sizeof c.in_file);
  return c;
}

/* ---- both ---- */

/* Frames right behind the last one that was committed are of commits that
 * failed, as on a disk that does not sync: nothing of them was relied on. */
static void compare(const struct committed *c,
                    struct sqlite_wal_frames *ret_frames) {
  if (c->frames > 0 && c->frames == ret_frames->recovered)
    ret_frames->lost = 0;
  else if (c->in_file < c->frames &&
           c->frames > ret_frames->recovered + ret_frames->lost)
    ret_frames->lost = c->frames - ret_frames->recovered;
}

static void note_identity(const struct wal *w,
                          struct sqlite_wal_frames *ret_frames) {
  struct stat about;
  if (fstat(w->fd, &about) == 0)
    ret_frames->inode = about.st_ino;
  memcpy(ret_frames->salt, w->salt, sizeof ret_frames->salt);
}

static int open_to_look(const char *path) {
  return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
}

int sqlite_wal_look(const char *wal_path, const char *shm_path,
                    struct sqlite_wal_frames *ret_frames) {
  struct wal w = {.fd = open_to_look(wal_path)};
  *ret_frames = (struct sqlite_wal_frames){0};
  if (w.fd < 0 && errno != ENOENT)
    return -errno;
  int status = w.fd >= 0 ? look_at_wal(&w, ret_frames) : 0;
  int shm = open_to_look(shm_path);
  if (shm >= 0) {
    const struct committed committed = read_committed(shm, &w);
    compare(&committed, ret_frames);
  }
  if (w.fd >= 0)
    note_identity(&w, ret_frames);
  if (shm >= 0)
    close(shm);
  if (w.fd >= 0)
    close(w.fd);
  return status;
}
