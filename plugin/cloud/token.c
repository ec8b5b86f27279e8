/* SPDX-License-Identifier: MIT */
#include "cloud/token.h"

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

/* Returns how many characters of padding the base64 text has, or -EINVAL if it
 * is not base64. EVP_DecodeBlock would accept "=" anywhere in the text. */
static int base64_padding(const char *text, size_t size) {
  const size_t digits = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "abcdefghijklmnopqrstuvwxyz0123456789+/");
  const size_t padding = strspn(text + digits, "=");
  if (size == 0 || size % 4 != 0 || padding > 2 || digits + padding != size)
    return -EINVAL;
  return (int)padding;
}

/* Decodes the key into ret_key, of KEY_MAX_BYTES. Returns its size, or -EINVAL.
 */
static int decode_key(const char *access_key, unsigned char *ret_key) {
  const char *text = access_key + strspn(access_key, BLANKS);
  size_t size = strlen(text);
  while (size > 0 && strchr(BLANKS, text[size - 1]) != NULL)
    size--;
  const int padding = base64_padding(text, size);
  if (padding < 0 || size > TOKEN_ACCESS_KEY_MAX_CHARS)
    return -EINVAL;
  /* EVP_DecodeBlock decodes padding to NULs, and counts them. */
  return EVP_DecodeBlock(ret_key, (const unsigned char *)text, (int)size) -
         padding;
}

/* A signature, and what it is made of. */
struct signing {
  unsigned char key[KEY_MAX_BYTES];
  unsigned char mac[EVP_MAX_MD_SIZE];
  char signature[SIGN_BYTES];
};

/* Makes the signature: the base64 of the text's HMAC. Returns 0, -EINVAL or
 * -ENOTSUP, as token_append. */
static int sign(struct signing *s, const char *access_key,
                const struct method *method, const struct buf *text) {
  unsigned int mac_size = 0;
  int size = decode_key(access_key, s->key);
  if (size < 0)
    return size;
  if (HMAC(method->digest(), s->key, size,
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
  int status = append_token(out, s, access_key, resource, &methods[method],
                            versions[version], wall_until_s);
  secret_free(s);
  return status;
}
