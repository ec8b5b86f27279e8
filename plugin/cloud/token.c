/* SPDX-License-Identifier: MIT */
#include "cloud/token.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define VERSION "2018-10-31"
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

/* Writes the base64 of the text's HMAC to ret_sign, of SIGN_BYTES. Returns 0,
 * -EINVAL or -ENOTSUP, as token_append. */
static int sign(const char *access_key, const struct method *method,
                const struct buf *text, char *ret_sign) {
  unsigned char key[KEY_MAX_BYTES];
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int mac_size = 0;
  int status = decode_key(access_key, key);
  if (status > 0) {
    const void *made =
        HMAC(method->digest(), key, status,
             (const unsigned char *)buf_text(text), text->size, mac, &mac_size);
    status = made == NULL ? -ENOTSUP : 0;
  }
  if (status == 0)
    EVP_EncodeBlock((unsigned char *)ret_sign, mac, (int)mac_size);
  explicit_bzero(key, sizeof(key));
  explicit_bzero(mac, sizeof(mac));
  return status;
}

static int append_value(struct buf *out, const char *name, const char *value) {
  buf_append_text(out, name);
  return buf_append_percent(out, value);
}

int token_append(struct buf *out, const char *access_key, const char *resource,
                 enum token_method method, int64_t wall_until_s) {
  const struct method *m = &methods[method];
  char until[TIME_BYTES];
  char signature[SIGN_BYTES];
  struct buf text;
  snprintf(until, sizeof(until), "%" PRId64, wall_until_s);
  buf_init(&text, SIGNED_MAX_BYTES);
  int status = buf_append_format(&text, "%s\n%s\n%s\n%s", until, m->name,
                                 resource, VERSION);
  if (status == 0)
    status = sign(access_key, m, &text, signature);
  if (status == 0) {
    append_value(out, "version=", VERSION);
    append_value(out, "&res=", resource);
    append_value(out, "&et=", until);
    append_value(out, "&method=", m->name);
    status = append_value(out, "&sign=", signature);
  }
  buf_free(&text);
  explicit_bzero(signature, sizeof(signature));
  return status;
}
