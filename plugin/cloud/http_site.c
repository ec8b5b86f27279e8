/* SPDX-License-Identifier: MIT */
#include "cloud/http_site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t http_site_measure(const char *url) {
  const char *host = strstr(url, "://");
  if (host == NULL)
    return 0;
  const char *rest = host + 3 + strcspn(host + 3, "/?");
  bool is_changed = *rest != '/' || strstr(rest, "/.") != NULL;
  return is_changed ? 0 : (size_t)(rest - url);
}

bool http_site_is(const struct http_site *s, const char *url, size_t size) {
  return s->size == size && (size == 0 || memcmp(s->text, url, size) == 0);
}

static int parse(struct http_site *s) {
  s->parsed = curl_url();
  if (s->parsed == NULL)
    return -ENOMEM;
  CURLUcode code = curl_url_set(s->parsed, CURLUPART_URL, s->text, 0);
  return code == CURLUE_OK              ? 0
         : code == CURLUE_OUT_OF_MEMORY ? -ENOMEM
                                        : -EINVAL;
}

int http_site_set(struct http_site *s, const char *url, size_t size) {
  http_site_clear(s);
  if (size == 0)
    return 0;
  s->text = strndup(url, size);
  s->size = size;
  int err = s->text != NULL ? parse(s) : -ENOMEM;
  if (err != 0)
    http_site_clear(s);
  return err;
}

void http_site_clear(struct http_site *s) {
  curl_url_cleanup(s->parsed);
  free(s->text);
  *s = (struct http_site){0};
}
