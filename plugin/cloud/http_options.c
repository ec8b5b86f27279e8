/* SPDX-License-Identifier: MIT */
#include "cloud/http_options.h"

#include <limits.h>

#define IDLE_MAX_S 15L
#define LIFETIME_MAX_S 300L

/* Smallest buffer for uploads that libcurl allows. The smaller the parts in
 * which it asks for a body, the more often a gateway's answer is seen to be
 * early. */
#define UPLOAD_BYTES 16384L

void http_setup_note(struct http_setup *s, CURLcode code) {
  if (s->code == CURLE_OK)
    s->code = code;
}

void http_setup_long(struct http_setup *s, CURLoption option, long value) {
  http_setup_note(s, curl_easy_setopt(s->easy, option, value));
}

void http_setup_text(struct http_setup *s, CURLoption option,
                     const char *text) {
  if (text != NULL)
    http_setup_note(s, curl_easy_setopt(s->easy, option, text));
}

long http_info_long(CURL *easy, CURLINFO info) {
  long value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

/* libcurl takes 0 for "no limit". */
static void set_timeout(struct http_setup *s, CURLoption option, int64_t ms) {
  http_setup_long(s, option, ms < 1 ? 1 : ms > INT_MAX ? INT_MAX : (long)ms);
}

static const struct {
  CURLoption option;
  long value;
} always[] = {
    {CURLOPT_NOSIGNAL, 1},
    /* HTTP/2 brings retries of its own, for streams that were refused. */
    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_HTTP_CONTENT_DECODING, 0},
    {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
    {CURLOPT_TCP_KEEPALIVE, 1},
    {CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BYTES},
    {CURLOPT_MAXAGE_CONN, IDLE_MAX_S},
#if LIBCURL_VERSION_NUM >= 0x075000
    {CURLOPT_MAXLIFETIME_CONN, LIFETIME_MAX_S},
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    {CURLOPT_QUICK_EXIT, 1},
#endif
#if LIBCURL_VERSION_NUM < 0x075500
    {CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS},
#endif
};

static void set_always(struct http_setup *s) {
  for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
    http_setup_long(s, always[i].option, always[i].value);
#if LIBCURL_VERSION_NUM >= 0x075500
  http_setup_text(s, CURLOPT_PROTOCOLS_STR, "http,https");
#endif
}

static void set_tls_version(struct http_setup *s, int version) {
  switch (version) {
  case 0:
    return;
  case 10:
    http_setup_long(s, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_0);
    return;
  case 11:
    http_setup_long(s, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_1);
    return;
  case 12:
    http_setup_long(s, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    return;
  case 13:
    http_setup_long(s, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_3);
    return;
  default:
    http_setup_note(s, CURLE_BAD_FUNCTION_ARGUMENT);
  }
}

static void set_tls(struct http_setup *s, const struct tls_options *tls) {
  http_setup_long(s, CURLOPT_SSL_VERIFYPEER, tls->verify_peer ? 1 : 0);
  http_setup_long(s, CURLOPT_SSL_VERIFYHOST, tls->verify_host ? 2 : 0);
  http_setup_text(s, CURLOPT_CAINFO, tls->ca_cert);
  http_setup_text(s, CURLOPT_CAPATH, tls->ca_path);
  http_setup_text(s, CURLOPT_SSLCERT, tls->client_cert);
  http_setup_text(s, CURLOPT_SSLKEY, tls->client_key);
  http_setup_text(s, CURLOPT_KEYPASSWD, tls->client_key_pass);
  set_tls_version(s, tls->ssl_version);
}

/* libcurl would take what is left open from the environment: the key would go
 * to whoever a variable names. */
static void set_proxy(struct http_setup *s, const char *proxy) {
  http_setup_text(s, CURLOPT_PROXY, proxy != NULL ? proxy : "");
  http_setup_text(s, CURLOPT_NOPROXY, "");
}

void http_options_set(struct http_setup *s, const struct http_request *r) {
  set_always(s);
  set_proxy(s, r->proxy);
  http_setup_text(s, CURLOPT_USERAGENT,
                  r->user_agent != NULL ? r->user_agent
                                        : "collectd-onenet/" ONENET_VERSION);
  set_timeout(s, CURLOPT_CONNECTTIMEOUT_MS, r->connect_timeout_ms);
  set_tls(s, r->tls);
}
