/* SPDX-License-Identifier: MIT
 *
 * http_options owns which options of libcurl are set for requests of one kind:
 * those that hold always, and those of TLS, proxy and connection; and how an
 * easy handle is set up and asked. The thread of http calls it.
 */
#ifndef ONENET_HTTP_OPTIONS_H
#define ONENET_HTTP_OPTIONS_H

#include "cloud/http.h"

#include <curl/curl.h>

/* Versions of libcurl: the oldest that is supported; the newest of which an
 * option is used, where the headers know it; and the one from which on libcurl
 * asks before it sends. */
#define HTTP_OPTIONS_CURL_OLDEST 0x074400      /* 7.68.0 */
#define HTTP_OPTIONS_CURL_YOUNGEST 0x075700    /* 7.87.0 */
#define HTTP_OPTIONS_CURL_WITH_PREREQ 0x075000 /* 7.80.0 */

/* http_setup: an easy handle that is being set up; the first error is
 * remembered. */
struct http_setup {
  CURL *easy;
  CURLcode code;
};

/* Remember the code, or that of setting the option. A text that is NULL sets
 * nothing, which leaves libcurl's default. */
void http_setup_note(struct http_setup *s, CURLcode code);
void http_setup_long(struct http_setup *s, CURLoption option, long value);
void http_setup_text(struct http_setup *s, CURLoption option, const char *text);

/* Returns a number that the handle knows of its transfer; 0 if it does not. */
long http_info_long(CURL *easy, CURLINFO info);

/* Sets what holds always, and what the request says of TLS, proxy, user agent
 * and the time-out of the connection. */
void http_options_set(struct http_setup *s, const struct http_request *r);

#endif
