/* SPDX-License-Identifier: MIT
 *
 * fuzz_url owns the fuzz target of URLs: what is taken for one, its parts put
 * together again are the same URL; libcurl takes it, too, and goes to the same
 * host; and with a query of ours or another path it still goes there.
 */
#include "base/url.h"
#include "fuzz.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_same_part(const char *a, size_t a_size, const char *b,
                         size_t b_size) {
  return a_size == b_size && memcmp(a, b, a_size) == 0;
}

/* What stands between host and path: a port, or nothing. */
static size_t port_bytes(const struct url *u) {
  return (size_t)(u->path - (u->host + u->host_size));
}

static void check_again(const struct url *u) {
  struct buf text;
  struct url again;
  buf_init(&text, 65536);
  buf_append_text(&text, u->is_https ? "https://" : "http://");
  buf_append(&text, u->host, u->host_size + port_bytes(u));
  buf_append_text(&text, u->path);
  if (text.error == 0) {
    must(url_parse(text.data, &again));
    must(again.is_https == u->is_https);
    must(is_same_part(u->host, u->host_size, again.host, again.host_size));
    must(is_same_part(u->host + u->host_size, port_bytes(u),
                      again.host + again.host_size, port_bytes(&again)));
    must(strcmp(u->path, again.path) == 0);
  }
  buf_free(&text);
}

/* Another text of ours goes to the same host. */
static void check_goes_there(const struct buf *text, const struct url *u) {
  struct url changed;
  if (text->error != 0)
    return;
  must(url_parse(text->data, &changed));
  must(is_same_part(u->host, u->host_size + port_bytes(u), changed.host,
                    changed.host_size + port_bytes(&changed)));
}

static void check_changes(const char *text, const struct url *u) {
  struct buf changed;
  buf_init(&changed, 65536);
  url_append_for_query(&changed, text);
  buf_append_text(&changed, "device_id=1");
  check_goes_there(&changed, u);
  buf_clear(&changed);
  size_t path_size = strcspn(u->path, "?");
  if (path_size > 4 && memcmp(u->path + path_size - 4, "/end", 4) == 0) {
    url_append_beside(&changed, text, "/end", "/device");
    check_goes_there(&changed, u);
  }
  buf_free(&changed);
}

static bool is_loopback(const char *host) {
  struct in_addr address;
  return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
         (inet_aton(host, &address) != 0 &&
          ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET);
}

/* Whoever is "certainly this machine" is that for libcurl as well. */
static void check_libcurl(const char *text, const struct url *u) {
  CURLU *curl = curl_url();
  char *host = NULL, *scheme = NULL;
  if (curl == NULL)
    return;
  CURLUcode code = curl_url_set(curl, CURLUPART_URL, text, 0);
  if (code != CURLUE_OUT_OF_MEMORY) {
    must(code == CURLUE_OK);
    must(curl_url_get(curl, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK);
    must(strcmp(scheme, u->is_https ? "https" : "http") == 0);
    must(curl_url_get(curl, CURLUPART_HOST, &host, 0) == CURLUE_OK);
    must(!url_is_loopback(u) || is_loopback(host));
  }
  curl_free(host);
  curl_free(scheme);
  curl_url_cleanup(curl);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct url u;
  char *text = copy_as_text(data, size);
  if (text == NULL)
    return 0;
  if (url_parse(text, &u)) {
    check_again(&u);
    check_changes(text, &u);
    check_libcurl(text, &u);
  }
  free(text);
  return 0;
}
