/* SPDX-License-Identifier: MIT */
#include "config/options_endpoint.h"

#include "base/secret.h"
#include "base/url.h"
#include "cloud/api.h"
#include "cloud/credential.h"
#include "config/options_device.h"
#include "config/options_value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WHY_BYTES 384
#define ALLOWED_BYTES 256
#define WAIT_MARGIN_S 10  /* for all but the device's own time */
#define DEVICE_REPLY_S 15 /* that long a call of a thing model may wait */

/* The stages in which the options are read, whatever their order in the block:
 * API decides about defaults, and about URL. */
enum stage { STAGE_API, STAGE_REST };

/* ---- the interface ---- */

static const struct api *find_api(const char *name) {
  const struct api *api;
  for (size_t i = 0; name != NULL && (api = api_at(i)) != NULL; i++)
    if (strcasecmp(api->name, name) == 0)
      return api;
  return NULL;
}

/* Writes a list of all interfaces: "a, b or c". */
static void list_apis(char *ret_list, size_t bytes) {
  size_t used = 0;
  for (size_t i = 0; api_at(i) != NULL && used < bytes; i++) {
    const char *before = i == 0 ? "" : api_at(i + 1) == NULL ? " or " : ", ";
    used += (size_t)snprintf(ret_list + used, bytes - used, "%s%s", before,
                             api_at(i)->name);
  }
}

static void set_api(struct endpoint *e, const struct api *api) {
  e->api = api;
  e->api_name = api->name;
  e->keeps_commands = api->keeps_commands;
  e->credential.version = api->token_version;
  e->request_timeout_s = api->request_timeout_s;
}

static void read_api(struct options_block *b, const struct options_option *o,
                     const oconfig_item_t *item) {
  const struct api *api = find_api(options_block_text(b, item));
  char allowed[ALLOWED_BYTES] = "";
  if (api != NULL) {
    set_api(b->target, api);
    return;
  }
  ((struct endpoint *)b->target)->api = NULL;
  list_apis(allowed, sizeof(allowed));
  if (item->values_num > 1)
    options_block_fault(b, o, item,
                        "must be one word in quotes, as in API \"%s\"",
                        property_api.name);
  else
    options_block_fault(b, o, item, "must be %s", allowed);
}

/* ---- the URL ---- */

/* Returns whether the path ends as that of the interface must. */
static bool has_path_end(const struct url *url, const char *path) {
  size_t size = strcspn(url->path, "?");
  size_t end_size = strlen(path);
  return size >= end_size &&
         memcmp(url->path + size - end_size, path, end_size) == 0;
}

/* Returns a parameter of the query that the plugin adds to each command itself,
 * or NULL. */
static const char *find_own_parameter(const struct url *url,
                                      const char *const *own) {
  const char *query = strchr(url->path, '?');
  for (; query != NULL; query = strchr(query + 1, '&'))
    for (size_t i = 0; own != NULL && own[i] != NULL; i++)
      if (strcspn(query + 1, "=&") == strlen(own[i]) &&
          strncmp(query + 1, own[i], strlen(own[i])) == 0)
        return own[i];
  return NULL;
}

/* Writes what a URL of the interface looks like. */
static void show_url_form(const struct api *api, char *ret_form, size_t bytes) {
  snprintf(ret_form, bytes, "http://HOST[:PORT]%s or https://HOST[:PORT]%s",
           api->path, api->path);
}

static const struct api *find_api_of_path(const struct url *url) {
  size_t i = 0;
  while (api_at(i) != NULL && !has_path_end(url, api_at(i)->path))
    i++;
  return api_at(i);
}

/* The path is another one than that of the interface. Where API is not given,
 * nothing else can be known of the block. */
static void fault_path(struct options_block *b, const struct options_option *o,
                       const oconfig_item_t *item, const char *text,
                       const struct url *url) {
  struct endpoint *e = b->target;
  const struct api *api = e->api, *other = find_api_of_path(url);
  if (other == NULL) {
    options_block_fault(b, o, item, "its path must end in %s, as in %.*s%s",
                        api->path, (int)(url->path - text), text, api->path);
    return;
  }
  options_block_fault(b, o, item,
                      "its path goes with API \"%s\", which is written in "
                      "quotes; that of API \"%s\" must end in %s",
                      other->name, api->name, api->path);
  if (options_block_find(b, "API") == NULL)
    e->api = NULL;
}

/* Returns whether commands can be sent to the URL; keeps a fault if not. */
static bool check_url(struct options_block *b, const struct options_option *o,
                      const oconfig_item_t *item, const char *text,
                      struct url *ret_url) {
  const struct api *api = ((const struct endpoint *)b->target)->api;
  char form[ALLOWED_BYTES];
  if (api == NULL)
    return url_parse(text, ret_url);
  if (!url_parse(text, ret_url)) {
    show_url_form(api, form, sizeof(form));
    options_block_fault(b, o, item,
                        "must be %s, without a user, a fragment or white space",
                        form);
    return false;
  }
  if (!has_path_end(ret_url, api->path)) {
    fault_path(b, o, item, text, ret_url);
    return false;
  }
  const char *parameter = find_own_parameter(ret_url, api->own_parameters);
  if (parameter != NULL)
    options_block_fault(b, o, item,
                        "must not hold %s, which the plugin adds to it for "
                        "each command; take it out",
                        parameter);
  return parameter == NULL;
}

static void check_url_is_given(struct options_block *b,
                               const struct endpoint *e) {
  char form[ALLOWED_BYTES];
  show_url_form(e->api, form, sizeof(form));
  if (options_block_find(b, "URL") == NULL)
    options_block_miss(b, "URL", form);
}

static void read_url(struct options_block *b, const struct options_option *o,
                     const oconfig_item_t *item) {
  struct endpoint *e = b->target;
  struct url url;
  const char *text = options_value_text(b, o, item);
  if (text == NULL || !check_url(b, o, item, text, &url))
    return;
  if (!url.is_https && !url_is_loopback(&url))
    options_block_warn(b, item,
                       "URL \"%s\": the key and all commands go through the "
                       "network in plain text; use https",
                       text);
  e->url = options_reader_keep(b->reader, strdup(text));
}

/* ---- headers ---- */

static const char TOKEN_CHARACTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "abcdefghijklmnopqrstuvwxyz"
                                       "0123456789!#$%&'*+-.^_`|~";

/* Returns what is wrong with a line that is to be sent as a header, or NULL. */
static const char *header_fault(const char *header) {
  static const char *const ours[] = {
      "api-key", "Authorization", "Content-Type",     "Content-Length",
      "Host",    "Expect",        "Transfer-Encoding"};
  size_t size = strspn(header, TOKEN_CHARACTERS);
  const char *value = header + size + 1;
  /* libcurl leaves out a header without a value. */
  if (size == 0 || header[size] != ':' || value[strspn(value, " ")] == '\0')
    return "must be \"Name: value\"";
  for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
    if (size == strlen(ours[i]) && strncasecmp(header, ours[i], size) == 0)
      return "must not be a header that the plugin sets itself: api-key, "
             "Authorization, Content-Type, Content-Length, Host, Expect or "
             "Transfer-Encoding";
  return NULL;
}

/* Appends a header (taken on success) to the NULL-terminated list. Returns 0 or
 * -ENOMEM. */
static int add_header(char ***list, char *header) {
  size_t count = 0;
  while (*list != NULL && (*list)[count] != NULL)
    count++;
  char **grown = realloc(*list, (count + 2) * sizeof(*grown));
  if (grown == NULL)
    return -ENOMEM;
  grown[count] = header;
  grown[count + 1] = NULL;
  *list = grown;
  return 0;
}

static void read_header(struct options_block *b, const struct options_option *o,
                        const oconfig_item_t *item) {
  struct endpoint *e = b->target;
  const char *line = options_value_line(b, o, item);
  if (line == NULL)
    return;
  const char *fault = header_fault(line);
  if (fault != NULL) {
    options_block_fault(b, o, item, "%s", fault);
    return;
  }
  char *header = options_reader_keep(b->reader, strdup(line));
  if (header != NULL && add_header(&e->headers, header) != 0) {
    b->reader->out_of_memory = true;
    free(header);
  }
}

/* ---- credentials ---- */

static const char *const KIND_OPTIONS[] = {[CREDENTIAL_KEY] = "APIKey",
                                           [CREDENTIAL_KEY_FILE] = "APIKeyFile",
                                           [CREDENTIAL_ACCESS_KEY_FILE] =
                                               "AccessKeyFile"};

/* Returns whether the key is free of blanks at its ends, which would not be
 * sent; keeps a fault if not. A key of nothing but blanks passes: it is
 * reported as empty later. */
static bool check_blanks(struct options_block *b,
                         const struct options_option *o,
                         const oconfig_item_t *item, const char *key) {
  size_t size = strlen(key);
  bool has_blanks = size > 0 && (key[0] == ' ' || key[size - 1] == ' ');
  if (!has_blanks || strspn(key, " ") == size)
    return true;
  options_block_fault(b, o, item,
                      "must not begin or end with a blank; take the blanks "
                      "around the key away");
  return false;
}

static void read_key(struct options_block *b, const struct options_option *o,
                     const oconfig_item_t *item) {
  struct endpoint *e = b->target;
  const char *key = options_block_text(b, item);
  if (key != NULL && !check_blanks(b, o, item, key))
    return;
  const char *line = options_value_line(b, o, item);
  if (line != NULL)
    e->credential.text = options_reader_keep(b->reader, secret_copy(line));
}

static void read_credential(struct options_block *b,
                            const struct options_option *o,
                            const oconfig_item_t *item) {
  struct endpoint *e = b->target;
  if (e->credential.text != NULL) {
    options_block_fault(b, o, item,
                        "must be the only one of APIKeyFile, APIKey and "
                        "AccessKeyFile");
    return;
  }
  e->credential.kind = (enum credential_kind)o->argument;
  if (e->credential.kind == CREDENTIAL_KEY)
    read_key(b, o, item);
  else
    options_value_read_file(b, o, item);
}

/* Checks the key. A wrong key in the configuration is a fault. A wrong key file
 * is only warned about: it may be put right at any time, and must not stop the
 * start. */
static void try_credential(struct options_block *b, const struct endpoint *e) {
  char why[WHY_BYTES] = "";
  bool is_open = false;
  const char *option = KIND_OPTIONS[e->credential.kind];
  int status = credential_check(&e->credential, &is_open, why, sizeof(why));
  if (status == -ENOMEM)
    b->reader->out_of_memory = true;
  else if (status != 0 && e->credential.kind == CREDENTIAL_KEY)
    options_block_refuse(b, option, "%s", why);
  else if (status != 0)
    options_block_warn(b, options_block_find(b, option),
                       "%s: %s; commands wait until this file is put right",
                       option, why);
  else if (is_open)
    options_block_warn(b, options_block_find(b, option),
                       "%s: %s: every user of this machine can read the key; "
                       "take their right to read this file away",
                       option, e->credential.text);
}

/* The endpoint has no AccessKeyFile. */
static void check_without_token(struct options_block *b,
                                const struct api *api) {
  static const char *const of_tokens[] = {"Resource", "TokenMethod",
                                          "TokenVersion", "TokenLifetime"};
  if (options_block_find(b, "APIKeyFile") == NULL &&
      options_block_find(b, "APIKey") == NULL)
    options_block_miss(b, api->takes_key ? "APIKeyFile" : "AccessKeyFile",
                       api->takes_key
                           ? "one of APIKeyFile, APIKey, or AccessKeyFile with "
                             "Resource"
                           : "given, with Resource, where API is not cmds");
  for (size_t i = 0;
       api->takes_key && i < sizeof(of_tokens) / sizeof(of_tokens[0]); i++)
    options_block_refuse(b, of_tokens[i], "only goes with AccessKeyFile");
}

static void check_credential(struct options_block *b,
                             const struct endpoint *e) {
  bool is_token = options_block_find(b, "AccessKeyFile") != NULL;
  if (is_token && options_block_find(b, "Resource") == NULL)
    options_block_miss(b, "Resource", "given with AccessKeyFile");
  else if (!is_token && e->api != NULL)
    check_without_token(b, e->api);
  bool is_whole = e->credential.kind != CREDENTIAL_ACCESS_KEY_FILE ||
                  e->credential.resource != NULL;
  if (e->credential.text != NULL && is_whole)
    try_credential(b, e);
}

/* ---- what goes with the interface ---- */

#define PRODUCT_ALLOWED "1 to 64 characters of [A-Za-z0-9]"

/* The call itself waits for the device: a request that ends sooner would be of
 * unknown fate, though its answer is on its way. */
static void check_wait(struct options_block *b, struct endpoint *e) {
  if (options_block_find(b, "RequestTimeout") == NULL &&
      e->request_timeout_s < e->device_wait_s + WAIT_MARGIN_S)
    e->request_timeout_s = e->device_wait_s + WAIT_MARGIN_S;
  if (e->request_timeout_s <= e->device_wait_s)
    options_block_refuse(b, "RequestTimeout",
                         "must be above %d, the DeviceWait", e->device_wait_s);
}

static bool begins_with(const char *text, const char *beginning) {
  return strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool is_known_resource(const char *resource) {
  static const char *const known[] = {"products/", "userid/", "projects/"};
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
    if (begins_with(resource, known[i]))
      return true;
  return false;
}

static void warn_of_resource(struct options_block *b,
                             const struct endpoint *e) {
  static const char of_product[] = "products/";
  const char *resource = e->credential.resource;
  const oconfig_item_t *item = options_block_find(b, "Resource");
  if (resource == NULL || e->product_id == NULL)
    return;
  if (!is_known_resource(resource))
    options_block_warn(b, item,
                       "Resource \"%s\": must begin with products/, userid/ or "
                       "projects/; with another one no token is good",
                       resource);
  else if (begins_with(resource, "userid/"))
    options_block_warn(b, item,
                       "Resource \"%s\": this token is good for the whole "
                       "account; products/%s is enough",
                       resource, e->product_id);
  else if (begins_with(resource, of_product) &&
           strcmp(resource + strlen(of_product), e->product_id) != 0)
    options_block_warn(b, item,
                       "Resource \"%s\" is of another product than ProductID "
                       "\"%s\"",
                       resource, e->product_id);
}

/* A request that ends before its device can have replied is of unknown fate. */
static void warn_of_request_timeout(struct options_block *b,
                                    const struct endpoint *e) {
  if (e->api->is_answer && e->request_timeout_s < DEVICE_REPLY_S)
    options_block_warn(b, options_block_find(b, "RequestTimeout"),
                       "RequestTimeout %d: a device may take up to %d s to "
                       "reply; what becomes of a command whose request ends "
                       "sooner is not known",
                       e->request_timeout_s, DEVICE_REPLY_S);
}

static void check_api(struct options_block *b, struct endpoint *e) {
  static const char *const keys[] = {"APIKeyFile", "APIKey"};
  if (e->api->takes_key) {
    options_block_refuse(b, "ProductID", "does not go with API \"%s\"",
                         e->api->name);
  } else {
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
      options_block_refuse(b, keys[i],
                           "does not go with API \"%s\": must be AccessKeyFile "
                           "and Resource",
                           e->api->name);
    if (options_block_find(b, "ProductID") == NULL)
      options_block_miss(b, "ProductID", PRODUCT_ALLOWED);
  }
  if (e->api->takes_wait) {
    check_wait(b, e);
  } else {
    options_block_refuse(b, "DeviceWait", "does not go with API \"%s\"",
                         e->api->name);
    warn_of_request_timeout(b, e);
  }
}

/* ---- the block ---- */

/* In quotes: collectd takes no hyphen in a bare word. */
static const struct options_word VERSIONS[] = {{"2018-10-31", TOKEN_2018_10_31},
                                               {"2020-05-29", TOKEN_2020_05_29},
                                               {"2022-05-01", TOKEN_2022_05_01},
                                               {NULL, 0}};

static const struct options_word METHODS[] = {{"md5", TOKEN_MD5},
                                              {"sha1", TOKEN_SHA1},
                                              {"sha256", TOKEN_SHA256},
                                              {NULL, 0}};

/* The names are those of write_http, without SSLv2 and SSLv3, which are not
 * secure. */
static const struct options_word SSL_VERSIONS[] = {
    {"DEFAULT", 0},  {"TLSv1", 10},   {"TLSv1_0", 10}, {"TLSv1_1", 11},
    {"TLSv1_2", 12}, {"TLSv1_3", 13}, {NULL, 0}};

#define AT(member)                                                             \
  .offset = offsetof(struct endpoint, member), .stage = STAGE_REST

const struct options_option options_endpoint_table[] = {
    {"API", read_api, .stage = STAGE_API},
    {"URL", read_url, AT(url)},
    {"APIKeyFile", read_credential, AT(credential.text),
     .argument = CREDENTIAL_KEY_FILE, .is_key = true},
    {"APIKey", read_credential, AT(credential.text), .argument = CREDENTIAL_KEY,
     .is_secret = true},
    {"AccessKeyFile", read_credential, AT(credential.text),
     .argument = CREDENTIAL_ACCESS_KEY_FILE, .is_key = true},
    {"Resource", options_value_read_line, AT(credential.resource)},
    {"TokenMethod", options_value_read_word, AT(credential.method),
     .words = METHODS},
    {"TokenVersion", options_value_read_word, AT(credential.version),
     .words = VERSIONS},
    {"TokenLifetime", options_value_read_int, AT(credential.token_lifetime_s),
     .min = 60, .max = 2592000},
    {"ProductID", options_value_read_identifier, AT(product_id), .max = 64,
     .marks = ""},
    {"DeviceWait", options_value_read_int, AT(device_wait_s), .min = 5,
     .max = 30},
    {"ConnectTimeout", options_value_read_int, AT(connect_timeout_s), .min = 1,
     .max = 300},
    {"RequestTimeout", options_value_read_int, AT(request_timeout_s), .min = 1,
     .max = 300},
    {"MaxInFlight", options_value_read_int, AT(max_in_flight), .min = 1,
     .max = 1024},
    {"RateLimit", options_value_read_rate, AT(rate)},
    {"BreakerThreshold", options_value_read_int, AT(breaker_threshold),
     .min = 1, .max = 1000000},
    {"VerifyPeer", options_value_read_bool, AT(tls.verify_peer)},
    {"VerifyHost", options_value_read_bool, AT(tls.verify_host)},
    {"CACert", options_value_read_file, AT(tls.ca_cert)},
    {"CAPath", options_value_read_directory, AT(tls.ca_path)},
    {"ClientCert", options_value_read_file, AT(tls.client_cert)},
    {"ClientKey", options_value_read_file, AT(tls.client_key), .is_key = true},
    {"ClientKeyPass", options_value_read_line, AT(tls.client_key_pass),
     .is_secret = true},
    {"SSLVersion", options_value_read_word, AT(tls.ssl_version),
     .words = SSL_VERSIONS},
    {"Proxy", options_value_read_line, AT(proxy), .is_secret = true},
    {"Header", read_header, .stage = STAGE_REST, .is_repeatable = true,
     .is_secret = true},
    {"UserAgent", options_value_read_line, AT(user_agent)},
    {.name = NULL}};

static void warn_of_tls(struct options_block *b,
                        const struct tls_options *tls) {
  if (!tls->verify_peer)
    options_block_warn(b, options_block_find(b, "VerifyPeer"),
                       "VerifyPeer false: anyone on the way can read and "
                       "change all commands");
  if (!tls->verify_host)
    options_block_warn(b, options_block_find(b, "VerifyHost"),
                       "VerifyHost false: any server with a certificate can "
                       "pass for the cloud");
}

void options_endpoint_read(struct options_block *plugin,
                           const struct options_option *o,
                           const oconfig_item_t *item) {
  struct options_reader *r = plugin->reader;
  struct endpoint *e = NULL;
  struct options_block b;
  options_block_begin(&b, r, item, o->name, options_endpoint_table);
  options_block_read_name(&b, options_device_taken);
  if (directory_add_endpoint(r->options->directory, b.name, &e) != 0) {
    r->out_of_memory = true;
    return;
  }
  b.target = e;
  set_api(e, api_at(0));
  options_block_read(&b, STAGE_API);
  options_block_read(&b, STAGE_REST);
  if (e->api != NULL) {
    check_url_is_given(&b, e);
    check_api(&b, e);
  }
  check_credential(&b, e);
  warn_of_resource(&b, e);
  warn_of_tls(&b, &e->tls);
}
