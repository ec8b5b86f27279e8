/* SPDX-License-Identifier: MIT */
#include "sim_auth.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#define BASE64_CHARS                                                           \
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

int sim_auth_add_api_key(struct sim_auth *auth, const char *key) {
  const size_t length = strlen(key);
  if (length < 1 || length > 256)
    return -EINVAL;
  for (size_t i = 0; i < length; i++)
    if (key[i] <= ' ' || key[i] > '~')
      return -EINVAL;
  if (auth->api_key_count == SIM_AUTH_KEYS_MAX)
    return -ENOSPC;
  auth->api_keys[auth->api_key_count++] = sim_buf_copy(key);
  return 0;
}

/* Returns the number of '=' behind well-formed base64, or -1. */
static int base64_padding(const char *base64) {
  const size_t digits = strspn(base64, BASE64_CHARS);
  const size_t padding = strspn(base64 + digits, "=");
  if (digits == 0 || padding > 2 || (digits + padding) % 4 != 0 ||
      base64[digits + padding] != '\0')
    return -1;
  return (int)padding;
}

int sim_auth_add_access_key(struct sim_auth *auth, const char *base64) {
  unsigned char bytes[768];
  const size_t length = strlen(base64);
  const int padding = base64_padding(base64);
  if (padding < 0 || length > 1024)
    return -EINVAL;
  if (auth->access_key_count == SIM_AUTH_KEYS_MAX)
    return -ENOSPC;
  const int decoded =
      EVP_DecodeBlock(bytes, (const unsigned char *)base64, (int)length);
  if (decoded <= padding)
    return -EINVAL;
  sim_buf_add_bytes(&auth->access_keys[auth->access_key_count++], bytes,
                    (size_t)(decoded - padding));
  return 0;
}

static bool same_secret(const char *a, const char *b) {
  const size_t length = strlen(a);
  return length == strlen(b) && CRYPTO_memcmp(a, b, length) == 0;
}

static bool api_key_is_known(const struct sim_auth *auth, const char *key) {
  bool known = false;
  for (size_t i = 0; i < auth->api_key_count; i++)
    known |= same_secret(auth->api_keys[i], key);
  return known;
}

/* The Authorization token, its values unescaped. */
struct token {
  struct sim_buf version, res, et, method, sign;
};

static void token_free(struct token *token) {
  sim_buf_free(&token->version);
  sim_buf_free(&token->res);
  sim_buf_free(&token->et);
  sim_buf_free(&token->method);
  sim_buf_free(&token->sign);
}

/* Reads `name=value`. Returns what comes behind it, or NULL: an unescaped
 * special character inside a value is a mistake that a real service notices
 * sooner or later, so it is refused here at once. */
static const char *token_take(const char *cursor, const char *name,
                              struct sim_buf *value) {
  const size_t name_length = strlen(name);
  if (cursor == NULL || strncmp(cursor, name, name_length) != 0 ||
      cursor[name_length] != '=')
    return NULL;
  cursor += name_length + 1;
  const size_t length = strcspn(cursor, "&+/=#? ");
  if (!sim_buf_add_unescaped(value, cursor, length) ||
      strlen(sim_buf_text(value)) != value->length)
    return NULL;
  cursor += length;
  return *cursor == '&' || *cursor == '\0' ? cursor : NULL;
}

static const char *token_next(const char *cursor) {
  return cursor != NULL && *cursor == '&' ? cursor + 1 : NULL;
}

/* Returns whether the header has the five fields in the documented order. */
static bool token_parse(const char *header, struct token *token) {
  const char *cursor = token_take(header, "version", &token->version);
  cursor = token_take(token_next(cursor), "res", &token->res);
  cursor = token_take(token_next(cursor), "et", &token->et);
  cursor = token_take(token_next(cursor), "method", &token->method);
  cursor = token_take(token_next(cursor), "sign", &token->sign);
  return cursor != NULL && *cursor == '\0';
}

static const EVP_MD *token_digest(const char *method) {
  if (strcmp(method, "md5") == 0)
    return EVP_md5();
  if (strcmp(method, "sha1") == 0)
    return EVP_sha1();
  if (strcmp(method, "sha256") == 0)
    return EVP_sha256();
  return NULL;
}

/* sign = base64(HMAC(key, et "\n" method "\n" res "\n" version)) */
static bool token_is_signed_with(const struct token *token,
                                 const struct sim_buf *key) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned digest_bytes = 0;
  struct sim_buf text = {0};
  struct sim_buf sign = {0};
  sim_buf_addf(&text, "%s\n%s\n%s\n%s", sim_buf_text(&token->et),
               sim_buf_text(&token->method), sim_buf_text(&token->res),
               sim_buf_text(&token->version));
  const bool made = HMAC(token_digest(sim_buf_text(&token->method)), key->data,
                         (int)key->length, (const unsigned char *)text.data,
                         text.length, digest, &digest_bytes) != NULL;
  sim_buf_add_base64(&sign, (const char *)digest, digest_bytes);
  const bool same =
      made && same_secret(sim_buf_text(&sign), sim_buf_text(&token->sign));
  sim_buf_free(&text);
  sim_buf_free(&sign);
  return same;
}

static bool token_is_signed(const struct sim_auth *auth,
                            const struct token *token) {
  bool is_signed = false;
  for (size_t i = 0; i < auth->access_key_count; i++)
    is_signed |= token_is_signed_with(token, &auth->access_keys[i]);
  return is_signed;
}

/* Returns NULL if the token is good, else what is wrong with it. */
static const char *token_fault(const struct sim_auth *auth,
                               const struct token *token, int64_t wall_s) {
  const char *et = sim_buf_text(&token->et);
  if (strcmp(sim_buf_text(&token->version), "2018-10-31") != 0)
    return "version";
  if (strncmp(sim_buf_text(&token->res), "products/", 9) != 0)
    return "res";
  if (token_digest(sim_buf_text(&token->method)) == NULL)
    return "method";
  if (et[0] == '\0' || strlen(et) > 18 || et[strspn(et, "0123456789")] != '\0')
    return "et";
  if (!token_is_signed(auth, token))
    return "sign";
  return strtoll(et, NULL, 10) <= wall_s ? "token expired" : NULL;
}

static enum sim_errno token_check(const struct sim_auth *auth,
                                  const char *header, int64_t wall_s,
                                  const char **ret_detail) {
  struct token token = {0};
  const char *fault = "malformed token";
  if (token_parse(header, &token))
    fault = token_fault(auth, &token, wall_s);
  token_free(&token);
  *ret_detail = fault;
  return fault == NULL ? SIM_SUCC : SIM_AUTH_FAILED;
}

enum sim_errno sim_auth_check(const struct sim_auth *auth,
                              const struct sim_pairs *headers, int64_t wall_s,
                              const char **ret_detail) {
  const char *api_key = sim_pairs_find_header(headers, "api-key");
  const char *token = sim_pairs_find_header(headers, "Authorization");
  *ret_detail = NULL;
  if (api_key != NULL)
    return api_key_is_known(auth, api_key) ? SIM_SUCC : SIM_AUTH_FAILED;
  if (token != NULL)
    return token_check(auth, token, wall_s, ret_detail);
  return SIM_KEY_REQUIRED;
}

#define LIFETIME_MAX_S (INT64_C(10) * 365 * 86400)

static bool is_platform_version(const char *version) {
  return strcmp(version, "2018-10-31") == 0 ||
         strcmp(version, "2020-05-29") == 0 ||
         strcmp(version, "2022-05-01") == 0;
}

static bool is_resource_of(const char *res, const char *product) {
  if (strncmp(res, "products/", 9) == 0)
    return strcmp(res + 9, product) == 0;
  return strncmp(res, "userid/", 7) == 0 || strncmp(res, "projects/", 9) == 0;
}

static bool is_good_token(const struct sim_auth *auth,
                          const struct token *token, const char *product) {
  const char *et = sim_buf_text(&token->et);
  return is_platform_version(sim_buf_text(&token->version)) &&
         is_resource_of(sim_buf_text(&token->res), product) &&
         token_digest(sim_buf_text(&token->method)) != NULL && et[0] != '\0' &&
         strlen(et) <= 18 && et[strspn(et, "0123456789")] == '\0' &&
         token_is_signed(auth, token);
}

/* Judges when a token that is good otherwise ends. */
static bool check_end(int64_t end_s, int64_t wall_s, struct sim_buf *reason) {
  if (end_s <= wall_s)
    sim_buf_addf(reason, "request has expired:expire=%" PRId64 ",now=%" PRId64,
                 end_s, wall_s);
  else if (end_s > wall_s + LIFETIME_MAX_S)
    sim_buf_add(reason, "token expire is too long,max expire limit 10 years");
  return reason->length == 0;
}

bool sim_auth_check_platform(const struct sim_auth *auth,
                             const struct sim_pairs *headers, int64_t wall_s,
                             const char *product, struct sim_buf *ret_reason) {
  const char *header = sim_pairs_find_header(headers, "Authorization");
  struct token token = {0};
  bool is_good = header != NULL && token_parse(header, &token) &&
                 is_good_token(auth, &token, product);
  if (is_good)
    is_good = check_end(strtoll(token.et.data, NULL, 10), wall_s, ret_reason);
  else
    sim_buf_add(ret_reason, "invalid authorization");
  token_free(&token);
  return is_good;
}

void sim_auth_free(struct sim_auth *auth) {
  for (size_t i = 0; i < auth->api_key_count; i++)
    free(auth->api_keys[i]);
  for (size_t i = 0; i < auth->access_key_count; i++)
    sim_buf_free(&auth->access_keys[i]);
  *auth = (struct sim_auth){0};
}
