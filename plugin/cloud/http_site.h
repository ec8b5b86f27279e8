/* SPDX-License-Identifier: MIT
 *
 * http_site owns what is the same in the URLs of all requests to one place:
 * scheme, host and port. libcurl reads that once; the rest of a URL is sent as
 * it stands. The thread of http calls it.
 */
#ifndef ONENET_HTTP_SITE_H
#define ONENET_HTTP_SITE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

/* http_site: zeros, where the whole URL is for libcurl to read. */
struct http_site {
  CURLU *parsed;
  char *text;
  size_t size; /* without the NUL */
};

/* Returns the size of the site in the URL; 0 if libcurl has to read the whole
 * of that, since it would change the rest: there is no path, or one with
 * segments such as "..". */
size_t http_site_measure(const char *url);

/* Returns whether the site is that of the URL, size bytes of it. */
bool http_site_is(const struct http_site *s, const char *url, size_t size);

/* Makes the site that of the URL, size bytes of it. Returns 0 or -ENOMEM;
 * -EINVAL if libcurl can not read it. Then it is all zeros. */
int http_site_set(struct http_site *s, const char *url, size_t size);

/* Frees what the site holds; leaves zeros. No easy handle may use it any more.
 */
void http_site_clear(struct http_site *s);

#endif
