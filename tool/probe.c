/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include "base/systime.h"
#include "base/url.h"
#include "cloud/advice.h"
#include "cloud/answer.h"
#include "cloud/api.h"
#include "cloud/http.h"
#include "cloud/request.h"
#include "reach.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MS 1000

/* Error numbers of libcurl (CURLcode), as far as the place where a request
 * ended follows from them. They are repeated here because only http.c includes
 * libcurl's headers. */
enum {
  NO_PROXY_NAME = 5,
  NO_NAME = 6,
  NO_CONNECTION = 7,
  TOO_LATE = 28,
  NOT_VERIFIED = 60
};

static const int codes_of_tls[] = {35, 53, 54, 58, 59, 60, 66,
                                   77, 80, 82, 83, 90, 91, 98};

/* The places on the way, in their order. */
enum place { AT_NAME, AT_CONNECTION, AT_TLS, AT_ANSWER };

struct way {
  const struct endpoint *e;
  const struct device *device; /* NULL: none */
  struct probe *probe;
  struct http *http;
  struct credential *credential;
  bool has_key;
  bool is_https;
  struct reach reach; /* the host that is connected to */
};

static struct moment now(void) {
  return (struct moment){.ms = systime_ms(CLOCK_BOOTTIME),
                         .wall_ms = systime_ms(CLOCK_REALTIME)};
}

/* ---- steps ---- */

static struct probe_step *add(struct way *w, const char *name,
                              enum probe_result result, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static struct probe_step *add(struct way *w, const char *name,
                              enum probe_result result, const char *format,
                              ...) {
  struct probe_step *s = &w->probe->steps[w->probe->count++];
  va_list arguments;
  *s = (struct probe_step){.name = name, .result = result};
  va_start(arguments, format);
  vsnprintf(s->what, sizeof s->what, format, arguments);
  va_end(arguments);
  return s;
}

/* Appends how a request ended, and advice about it. */
static void add_verdict(const struct way *w, const struct verdict *v,
                        struct probe_step *s) {
  size_t used = strlen(s->what);
  struct buf text;
  buf_init(&text, sizeof s->what - used - 1);
  advice_append_cause(&text, v, w->e);
  snprintf(s->what + used, sizeof s->what - used, "%s", buf_text(&text));
  buf_free(&text);
  buf_init(&text, sizeof s->advice - 1);
  advice_append(&text, v, w->e, now().wall_ms / 1000);
  snprintf(s->advice, sizeof s->advice, "%s", buf_text(&text));
  buf_free(&text);
}

const char *probe_result_name(enum probe_result result) {
  static const char *const names[] = {"ok", "note", "wrong"};
  return names[result];
}

bool probe_is_right(const struct probe *p) {
  for (size_t i = 0; i < p->count; i++)
    if (p->steps[i].result == PROBE_WRONG)
      return false;
  return true;
}

/* ---- the key ---- */

static const char *key_place(const struct endpoint *e) {
  return e->credential.kind == CREDENTIAL_KEY ? "in the configuration"
                                              : e->credential.text;
}

static void check_key(struct way *w) {
  const char *header;
  char why[VERDICT_ERROR_BYTES];
  struct verdict v;
  int status = credential_header(w->credential, now().wall_ms / 1000, &header,
                                 why, sizeof why);
  w->has_key = status == 0;
  if (w->has_key) {
    add(w, "key", PROBE_OK, "%s: it can be used", key_place(w->e));
    return;
  }
  answer_judge_unsent(VERDICT_CREDENTIALS, why, &v);
  v.local_errno = -status;
  struct probe_step *s = add(w, "key", PROBE_WRONG, "%s", "");
  add_verdict(w, &v, s);
  if (status == -EACCES)
    snprintf(
        s->advice, sizeof s->advice,
        "test as root, or as the user that collectd runs as: that one must "
        "be able to read it");
}

/* ---- one request ---- */

/* Without a key the way is gone all the same. */
static int add_headers(struct way *w, struct request *r) {
  char why[VERDICT_ERROR_BYTES];
  r->headers[0] = NULL;
  return w->has_key ? request_add_headers(r, w->credential, NULL, now(), why,
                                          sizeof why)
                    : 0;
}

/* Asks, and waits for the reply, which is valid until the next request. */
static int ask(struct way *w, const struct api_probe *probe,
               struct http_reply *ret_reply) {
  struct request r;
  request_init(&r, w->e);
  int status = probe->append_url(
      &r.url, w->e, w->device != NULL ? w->device->device_id : NULL);
  if (status == 0)
    status = add_headers(w, &r);
  if (status == 0)
    status = request_get(&r, w->http, NULL);
  while (status == 0 && !http_next_reply(w->http, ret_reply))
    http_wait(w->http, WAIT_MS);
  request_free(&r);
  return status;
}

/* ---- how far it came ---- */

static bool is_of_tls(int curl_code) {
  for (size_t i = 0; i < sizeof codes_of_tls / sizeof codes_of_tls[0]; i++)
    if (codes_of_tls[i] == curl_code)
      return true;
  return false;
}

/* A time-out says what it was waiting for in words alone; a hand that takes the
 * connection and says no more is known from trying. */
static enum place place_of_time_out(const struct way *w,
                                    const struct http_reply *reply) {
  struct buf ignored;
  if (reply->sent)
    return AT_ANSWER;
  if (strstr(reply->curl_error, "esolving") != NULL)
    return AT_NAME;
  buf_init(&ignored, PROBE_TEXT_BYTES);
  int status =
      reach_try(&w->reach, (int64_t)w->e->connect_timeout_s * 1000, &ignored);
  buf_free(&ignored);
  return status == 0 && w->is_https ? AT_TLS : AT_CONNECTION;
}

static enum place place_of(const struct way *w,
                           const struct http_reply *reply) {
  switch (reply->curl_code) {
  case NO_PROXY_NAME:
  case NO_NAME:
    return AT_NAME;
  case NO_CONNECTION:
    return AT_CONNECTION;
  case TOO_LATE:
    return place_of_time_out(w, reply);
  default:
    if (is_of_tls(reply->curl_code))
      return AT_TLS;
    return reply->curl_code == 0 || reply->sent ? AT_ANSWER : AT_CONNECTION;
  }
}

/* ---- what is wrong on the way ---- */

static void add_wrong_name(struct way *w, const struct verdict *v) {
  add_verdict(
      w, v, add(w, "name", PROBE_WRONG, "%s is not resolved: ", w->reach.host));
}

/* Says of each address what came of it: libcurl tells only that none worked. */
static void add_wrong_connection(struct way *w, const struct verdict *v) {
  struct buf text;
  buf_init(&text, PROBE_TEXT_BYTES / 2);
  reach_try(&w->reach, (int64_t)w->e->connect_timeout_s * 1000, &text);
  add_verdict(w, v,
              add(w, "connection", PROBE_WRONG, "none to %s, port %s (%s): ",
                  w->reach.host, w->reach.port, buf_text(&text)));
  buf_free(&text);
}

static const char *certificate_fault(const struct http_reply *reply) {
  if (reply->curl_code != NOT_VERIFIED)
    return "there is no TLS with it";
  if (strstr(reply->curl_error, "expired") != NULL)
    return "the server's certificate has expired";
  if (strstr(reply->curl_error, "not yet valid") != NULL)
    return "the server's certificate is not valid yet";
  if (strstr(reply->curl_error, "subject name") != NULL ||
      strstr(reply->curl_error, "mismatch") != NULL)
    return "the server's certificate is for another name";
  return "the server's certificate is not of an authority that is known here";
}

static void add_wrong_tls(struct way *w, const struct http_reply *reply,
                          const struct verdict *v) {
  add_verdict(w, v,
              add(w, "TLS", PROBE_WRONG, "%s: ", certificate_fault(reply)));
}

/* ---- the answer ---- */

static const char *answer_fault(const struct verdict *v) {
  switch (v->class) {
  case VERDICT_CREDENTIALS:
    return "the key is refused";
  case VERDICT_NOT_EXECUTED:
    return "too many calls: OneNET asks to wait";
  case VERDICT_REFUSED:
    return "the call is refused";
  default:
    return "no answer of OneNET";
  }
}

static void add_answer(struct way *w, const struct api_probe *probe,
                       const struct api_finding *f) {
  if (f->is_right)
    add(w, "answer", PROBE_OK, "OneNET has taken the key; it was asked for %s",
        probe->what);
  else
    add_verdict(w, &f->verdict,
                add(w, "answer", PROBE_WRONG, "%s (it was asked for %s): ",
                    answer_fault(&f->verdict), probe->what));
}

static void add_unknown_device(struct way *w, const struct api_finding *f) {
  struct probe_step *s = add(w, "device", PROBE_WRONG,
                             "OneNET knows no device %s of this key's "
                             "product: ",
                             w->device->device_id);
  add_verdict(w, &f->verdict, s);
  snprintf(
      s->advice, sizeof s->advice,
      "compare DeviceID of device \"%s\", and the product of the key, with "
      "OneNET's console",
      w->device->name);
}

static void add_device(struct way *w, const struct api_finding *f) {
  const char *id = w->device->device_id;
  switch (f->device) {
  case API_DEVICE_ONLINE:
    add(w, "device", PROBE_OK, "%s is known, and online", id);
    break;
  case API_DEVICE_KNOWN:
    add(w, "device", PROBE_OK, "%s is known", id);
    break;
  case API_DEVICE_OFFLINE:
    add(w, "device", PROBE_NOTE,
        "%s is known, and not online: that is no fault of the way to it", id);
    break;
  case API_DEVICE_UNKNOWN:
    add_unknown_device(w, f);
    break;
  case API_DEVICE_UNTOLD:
    add_verdict(w, &f->verdict,
                add(w, "device", PROBE_NOTE,
                    "what OneNET knows of %s could not be asked: ", id));
  }
}

/* ---- the way ---- */

static void add_unmade(struct way *w, int status) {
  struct probe_step *s = add(w, "request", PROBE_WRONG,
                             "it can not be made: %s", strerror(-status));
  snprintf(s->advice, sizeof s->advice,
           "look at the options of endpoint \"%s\": URL, Header, Proxy, and "
           "those for TLS",
           w->e->name);
}

static void ask_for_device(struct way *w) {
  const struct api_probe *probe = w->e->api->device_probe;
  struct http_reply reply;
  struct api_finding f;
  int status = ask(w, probe, &reply);
  if (status < 0) {
    add_unmade(w, status);
    return;
  }
  probe->judge(&reply, &f);
  add_device(w, &f);
}

static void judge_answer(struct way *w, const struct api_finding *f) {
  const struct api *api = w->e->api;
  if (!w->has_key)
    return;
  add_answer(w, api->probe, f);
  if (!f->is_right || w->device == NULL)
    return;
  if (api->device_probe == api->probe)
    add_device(w, f);
  else
    ask_for_device(w);
}

static void tell_way(struct way *w, const struct http_reply *reply,
                     const struct api_finding *f) {
  enum place place = place_of(w, reply);
  const char *via = w->e->proxy != NULL ? " (the proxy)" : "";
  if (place == AT_NAME) {
    add_wrong_name(w, &f->verdict);
    return;
  }
  add(w, "name", PROBE_OK, "%s%s is resolved", w->reach.host, via);
  if (place == AT_CONNECTION) {
    add_wrong_connection(w, &f->verdict);
    return;
  }
  add(w, "connection", PROBE_OK, "%s%s, port %s takes it", w->reach.host, via,
      w->reach.port);
  if (place == AT_TLS) {
    add_wrong_tls(w, reply, &f->verdict);
    return;
  }
  if (w->is_https)
    add(w, "TLS", PROBE_OK, "%s",
        w->e->tls.verify_peer && w->e->tls.verify_host
            ? "the server's certificate is good"
            : "the server's certificate is not looked at (VerifyPeer, "
              "VerifyHost)");
  judge_answer(w, f);
}

static void go(struct way *w) {
  const struct api_probe *probe = w->e->api->probe;
  struct http_reply reply;
  struct api_finding f;
  check_key(w);
  int status = ask(w, probe, &reply);
  if (status < 0) {
    add_unmade(w, status);
    return;
  }
  probe->judge(&reply, &f);
  tell_way(w, &reply, &f);
}

static int find_host(struct way *w) {
  const struct endpoint *e = w->e;
  struct url url;
  w->is_https = url_parse(e->url, &url) && url.is_https;
  if (e->proxy != NULL)
    return reach_parse(e->proxy, "1080", &w->reach);
  return reach_parse(e->url, w->is_https ? "443" : "80", &w->reach);
}

int probe_run(const struct endpoint *e, const struct device *device,
              struct probe *ret_probe) {
  struct way w = {.e = e, .device = device, .probe = ret_probe};
  ret_probe->count = 0;
  w.http = http_new(1);
  w.credential = credential_new(&e->credential);
  int status = w.http != NULL && w.credential != NULL ? find_host(&w) : -ENOMEM;
  if (status == 0)
    go(&w);
  else if (status != -ENOMEM)
    add_unmade(&w, status);
  http_free(w.http);
  credential_free(w.credential);
  return status == -ENOMEM ? status : 0;
}
