/* SPDX-License-Identifier: MIT */
#include "cloud/token.h"

#include "base/base64.h"
#include "base/secret.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define BLANKS " \t\r\n"
#define KEY_MAX_BYTES (TOKEN_ACCESS_KEY_MAX_CHARS / 4 * 3)
#define SIGN_BYTES                                                             \
  ((EVP_MAX_MD_SIZE + 2) / 3 * 4 + 1) /* base64, and its NUL                   \
                                       */
#define SIGNED_MAX_BYTES 4096
#define TIME_BYTES 21

struct method {
  const char *name;
  const EVP_MD *(*digest)(void);
};

static const struct method methods[] = {
    [TOKEN_MD5] = {"md5", EVP_md5},
    [TOKEN_SHA1] = {"sha1", EVP_sha1},
    [TOKEN_SHA256] = {"sha256", EVP_sha256},
};

static const char *const versions[] = {[TOKEN_2018_10_31] = "2018-10-31",
                                       [TOKEN_2020_05_29] = "2020-05-29",
                                       [TOKEN_2022_05_01] = "2022-05-01"};

/* A signature, and what it is made of: in memory of base/secret. */
struct signing {
  struct buf key;
  unsigned char mac[EVP_MAX_MD_SIZE];
  char signature[SIGN_BYTES];
};

/* Decodes the key; white space around it is left out. Returns 0, -EINVAL or
 * -ENOMEM. */
static int decode_key(struct signing *s, const char *access_key) {
  const char *text = access_key + strspn(access_key, BLANKS);
  size_t size = strlen(text);
  while (size > 0 && strchr(BLANKS, text[size - 1]) != NULL)
    size--;
  if (size == 0 || size > TOKEN_ACCESS_KEY_MAX_CHARS)
    return -EINVAL;
  return base64_append(&s->key, text, size);
}

/* Makes the signature: the base64 of the text's HMAC. Returns 0, -EINVAL,
 * -ENOTSUP or -ENOMEM, as token_append. */
static int sign(struct signing *s, const char *access_key,
                const struct method *method, const struct buf *text) {
  unsigned int mac_size = 0;
  int status = decode_key(s, access_key);
  if (status != 0)
    return status;
  if (HMAC(method->digest(), buf_text(&s->key), (int)s->key.size,
           (const unsigned char *)buf_text(text), text->size, s->mac,
           &mac_size) == NULL)
    return -ENOTSUP;
  EVP_EncodeBlock((unsigned char *)s->signature, s->mac, (int)mac_size);
  return 0;
}

static int append_value(struct buf *out, const char *name, const char *value) {
  buf_append_text(out, name);
  return buf_append_percent(out, value);
}

static int append_token(struct buf *out, struct signing *s,
                        const char *access_key, const char *resource,
                        const struct method *m, const char *version,
                        int64_t wall_until_s) {
  char until[TIME_BYTES];
  struct buf text;
  snprintf(until, sizeof(until), "%" PRId64, wall_until_s);
  buf_init(&text, SIGNED_MAX_BYTES);
  int status = buf_append_format(&text, "%s\n%s\n%s\n%s", until, m->name,
                                 resource, version);
  if (status == 0)
    status = sign(s, access_key, m, &text);
  buf_free(&text);
  if (status != 0)
    return status;
  append_value(out, "version=", version);
  append_value(out, "&res=", resource);
  append_value(out, "&et=", until);
  append_value(out, "&method=", m->name);
  return append_value(out, "&sign=", s->signature);
}

int token_append(struct buf *out, const char *access_key, const char *resource,
                 enum token_method method, enum token_version version,
                 int64_t wall_until_s) {
  struct signing *s = secret_alloc(sizeof(*s));
  if (s == NULL)
    return -ENOMEM;
  buf_init_secret(&s->key, KEY_MAX_BYTES);
  int status = append_token(out, s, access_key, resource, &methods[method],
                            versions[version], wall_until_s);
  buf_free(&s->key);
  secret_free(s);
  return status;
}
