/* SPDX-License-Identifier: MIT */
#include "cloud/credential.h"
#include "base/buf.h"
#include "base/secret.h"
#include "cloud/key_file.h"
#include "cloud/token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_MAX_BYTES 4096
#define KEY_BYTES (KEY_MAX_BYTES + 1) /* with the NUL */
#define HEADER_MAX_BYTES 8192
#define REASON_BYTES 128
#define RENEW_MAX_S 300
#define NEVER_S INT64_MIN

/* credential: keeps the header, but no key from a file. Such a key is read
 * again for each new header, and wiped once the header is made. */
struct credential {
  unsigned long generation;
  const struct credential_options *options;
  struct buf header;     /* empty: there is none to use */
  int64_t wall_issued_s; /* when the token was made */
  int64_t wall_looked_s; /* when the file was looked at; NEVER_S: look again */
  struct stat seen;      /* the file at the last read; zeros: none */
  const char *reason;    /* why there is no header; NULL: errno says it */
};

struct credential *credential_new(const struct credential_options *options) {
  struct credential *c = calloc(1, sizeof(*c));
  if (c == NULL)
    return NULL;
  c->options = options;
  c->wall_looked_s = NEVER_S;
  buf_init_secret(&c->header, HEADER_MAX_BYTES);
  return c;
}

void credential_free(struct credential *c) {
  if (c == NULL)
    return;
  buf_free(&c->header);
  free(c);
}

static int refuse(struct credential *c, int status, const char *reason) {
  c->reason = reason;
  return status;
}

/* ---- the file ---- */

static bool is_file(const struct credential *c) {
  return c->options->kind != CREDENTIAL_KEY;
}

static void look_at(const char *path, struct stat *ret_seen) {
  if (stat(path, ret_seen) != 0)
    *ret_seen = (struct stat){0};
}

static bool same_time(struct timespec a, struct timespec b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
         a->st_size == b->st_size && same_time(a->st_mtim, b->st_mtim) &&
         same_time(a->st_ctim, b->st_ctim);
}

bool credential_has_changed(struct credential *c) {
  if (!is_file(c))
    return false;
  struct stat now;
  look_at(c->options->text, &now);
  if (same_file(&now, &c->seen))
    return false;
  c->wall_looked_s = NEVER_S;
  return true;
}

unsigned long credential_generation(const struct credential *c) {
  return c->generation;
}

/* Reads at most KEY_BYTES, one more than a key may have: so the caller sees
 * that the file is too long. */
static int read_all(int fd, char *ret_bytes, size_t *ret_size) {
  size_t size = 0;
  while (size < KEY_BYTES) {
    const ssize_t got = read(fd, ret_bytes + size, KEY_BYTES - size);
    if (got == 0)
      break;
    if (got < 0 && errno != EINTR)
      return -errno;
    size += got < 0 ? 0 : (size_t)got;
  }
  *ret_size = size;
  return 0;
}

static size_t without_newline(const char *text, size_t size) {
  if (size == 0 || text[size - 1] != '\n')
    return size;
  return size > 1 && text[size - 2] == '\r' ? size - 2 : size - 1;
}

static int read_open_file(struct credential *c, int fd, char *ret_key,
                          size_t *ret_size) {
  size_t size = 0;
  if (fstat(fd, &c->seen) != 0)
    return -errno;
  const int status = read_all(fd, ret_key, &size);
  if (status != 0)
    return status;
  if (size > KEY_MAX_BYTES)
    return refuse(c, -E2BIG, "longer than 4096 bytes");
  *ret_size = without_newline(ret_key, size);
  ret_key[*ret_size] = '\0';
  return 0;
}

static int read_key(struct credential *c, char *ret_key, size_t *ret_size) {
  const int fd = key_file_open(c->options->text, &c->reason);
  if (fd < 0) {
    look_at(c->options->text, &c->seen);
    return fd;
  }
  const int status = read_open_file(c, fd, ret_key, ret_size);
  close(fd);
  return status;
}

/* ---- the header ---- */

static int check_key(struct credential *c, const char *key, size_t size) {
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)key[i] < 0x20 || key[i] == 0x7f)
      return refuse(c, -EINVAL, "control characters in the key");
  if (strspn(key, " ") == size)
    return refuse(c, -EINVAL, "the key is empty");
  /* OneNET refuses blanks with errno 3, which does not tell the operator about
   * them. */
  if (key[0] == ' ' || key[size - 1] == ' ')
    return refuse(c, -EINVAL, "blanks around the key");
  if (strchr(key, ' ') != NULL)
    return refuse(c, -EINVAL, "blanks within the key");
  return 0;
}

static int append_token(struct credential *c, const char *access_key,
                        int64_t wall_now_s) {
  const struct credential_options *o = c->options;
  c->wall_issued_s = wall_now_s;
  buf_append_text(&c->header, "Authorization: ");
  const int status =
      token_append(&c->header, access_key, o->resource, o->method, o->version,
                   wall_now_s + o->token_lifetime_s);
  return status == -EINVAL ? refuse(c, status, "the access key is not base64")
                           : status;
}

static int append_header(struct credential *c, const char *key,
                         int64_t wall_now_s) {
  int status = 0;
  if (c->options->kind == CREDENTIAL_ACCESS_KEY_FILE) {
    status = append_token(c, key, wall_now_s);
  } else {
    buf_append_text(&c->header, "api-key: ");
    status = buf_append_text(&c->header, key);
  }
  return status == -E2BIG ? refuse(c, status, "too long for a header") : status;
}

static int make_header_of(struct credential *c, const char *key, size_t size,
                          int64_t wall_now_s) {
  const int status = check_key(c, key, size);
  return status == 0 ? append_header(c, key, wall_now_s) : status;
}

static int make_header_of_file(struct credential *c, int64_t wall_now_s) {
  size_t size = 0;
  char *key = secret_alloc(KEY_BYTES);
  if (key == NULL)
    return -ENOMEM;
  int status = read_key(c, key, &size);
  if (status == 0)
    status = make_header_of(c, key, size, wall_now_s);
  secret_free(key);
  return status;
}

static int make_header(struct credential *c, int64_t wall_now_s) {
  const char *text = c->options->text;
  buf_free(&c->header);
  c->reason = NULL;
  c->generation++;
  c->wall_looked_s = wall_now_s;
  const int status = is_file(c)
                         ? make_header_of_file(c, wall_now_s)
                         : make_header_of(c, text, strlen(text), wall_now_s);
  if (status != 0)
    buf_free(&c->header);
  return status;
}

static bool token_is_due(const struct credential *c, int64_t wall_now_s) {
  const int64_t lifetime_s = c->options->token_lifetime_s;
  const int64_t age_s = wall_now_s - c->wall_issued_s;
  const int64_t margin_s =
      lifetime_s / 10 < RENEW_MAX_S ? lifetime_s / 10 : RENEW_MAX_S;
  return age_s < 0 || lifetime_s - age_s < margin_s;
}

/* Looks at the file once in each second of the wall clock. */
static bool is_found_changed(struct credential *c, int64_t wall_now_s) {
  if (c->wall_looked_s == wall_now_s)
    return false;
  c->wall_looked_s = wall_now_s;
  return credential_has_changed(c);
}

static bool is_current(struct credential *c, int64_t wall_now_s) {
  if (c->header.size == 0 || is_found_changed(c, wall_now_s))
    return false;
  return c->options->kind != CREDENTIAL_ACCESS_KEY_FILE ||
         !token_is_due(c, wall_now_s);
}

static void explain(const struct credential *c, int status, char *ret_why,
                    size_t why_bytes) {
  char text[REASON_BYTES] = "";
  strerror_r(-status, text, sizeof(text));
  snprintf(ret_why, why_bytes, "%s: %s",
           is_file(c) ? c->options->text : "APIKey",
           c->reason != NULL ? c->reason : text);
}

int credential_header(struct credential *c, int64_t wall_now_s,
                      const char **ret_header, char *ret_why,
                      size_t why_bytes) {
  if (!is_current(c, wall_now_s)) {
    const int status = make_header(c, wall_now_s);
    if (status != 0) {
      explain(c, status, ret_why, why_bytes);
      return status;
    }
  }
  *ret_header = buf_text(&c->header);
  return 0;
}

int credential_check(const struct credential_options *options,
                     bool *ret_is_open, char *ret_why, size_t why_bytes) {
  const char *header = NULL;
  struct credential *c = credential_new(options);
  if (c == NULL) {
    snprintf(ret_why, why_bytes, "out of memory");
    return -ENOMEM;
  }
  const int status = credential_header(c, 0, &header, ret_why, why_bytes);
  if (status == 0)
    *ret_is_open = (c->seen.st_mode & S_IRWXO) != 0;
  credential_free(c);
  return status;
}
