/* SPDX-License-Identifier: MIT */
#include "cloud/advice.h"

#include "cloud/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_IS_RIGHT_S 30 /* a request takes time, too */
#define TIME_DIGITS 12

/* Error numbers of libcurl (CURLcode). They are repeated here because only
 * http.c includes libcurl's headers. */
enum {
  NO_PROXY = 5,
  NO_HOST = 6,
  NO_CONNECTION = 7,
  NO_TLS = 35,
  TOO_LATE = 28,
  BAD_CLIENT_CERTIFICATE = 58,
  NOT_VERIFIED = 60,
  NO_AUTHORITIES = 77
};

/* Returns N if the cause of the verdict is PREFIX_N, otherwise -1. */
static int number_of(const struct verdict *v, const char *prefix) {
  size_t size = strlen(prefix);
  int number = 0;
  if (strncmp(v->cause, prefix, size) != 0 || v->cause[size] != '_')
    return -1;
  for (const char *c = v->cause + size + 1; *c >= '0' && *c <= '9'; c++)
    number = 10 * number + (*c - '0');
  return number;
}

/* Returns whether a reply of the device itself decided. Its code may be
 * negative, or unreadable. */
static bool is_reply(const struct verdict *v) {
  return strncmp(v->cause, "reply_", 6) == 0;
}

static bool is_local(const struct verdict *v) {
  return strcmp(v->cause, "local") == 0;
}

/* ---- the cause ---- */

static void append_errno(struct buf *out, const struct verdict *v,
                         const struct endpoint *e) {
  const char *text =
      v->error[0] != '\0' ? v->error : e->api->errno_text(v->errno_value);
  buf_append_format(out, "errno %d", (int)v->errno_value);
  if (text != NULL)
    buf_append_format(out, ", \"%s\"", text);
}

static void append_reply(struct buf *out, const struct verdict *v) {
  if (v->class == VERDICT_REFUSED)
    buf_append_format(out, "the device replied with code %s", v->cause + 6);
  else
    buf_append_text(out, "the device's reply can not be understood");
  if (v->error[0] != '\0')
    buf_append_format(out, ", \"%s\"", v->error);
}

void advice_append_cause(struct buf *out, const struct verdict *v,
                         const struct endpoint *e) {
  if (number_of(v, "errno") >= 0)
    append_errno(out, v, e);
  else if (is_reply(v))
    append_reply(out, v);
  else if (number_of(v, "http") >= 0)
    buf_append_format(out, "HTTP status %d", v->http_code);
  else if (number_of(v, "curl") >= 0)
    buf_append_format(out, "%s (%s)", v->error, v->cause);
  else if (is_local(v))
    buf_append_text(out, v->error);
  else
    buf_append_format(out, "an answer that can not be read: %s", v->error);
}

/* ---- the advice ---- */

/* Leaves out user, password and query, which may hold a secret. */
static void append_url(struct buf *out, const char *url) {
  const char *slashes = strstr(url, "://");
  const char *host = slashes != NULL ? slashes + 3 : url;
  size_t host_size = strcspn(host, "/?");
  buf_append_format(out, "URL \"%.*s", (int)(host - url), url);
  for (size_t i = host_size; i > 0; i--)
    if (host[i - 1] == '@') {
      host += i;
      break;
    }
  buf_append_format(out, "%.*s\"", (int)strcspn(host, "?"), host);
}

static const char *key_option(const struct endpoint *e) {
  switch (e->credential.kind) {
  case CREDENTIAL_KEY:
    return "APIKey";
  case CREDENTIAL_KEY_FILE:
    return "APIKeyFile";
  case CREDENTIAL_ACCESS_KEY_FILE:
    return "AccessKeyFile";
  }
  return "";
}

static void append_key_name(struct buf *out, const struct endpoint *e) {
  buf_append_text(out, key_option(e));
  if (e->credential.kind != CREDENTIAL_KEY)
    buf_append_format(out, " %s", e->credential.text);
}

/* Reads the time that stands behind NAME= in the text: up to TIME_DIGITS digits
 * and no sign. Returns whether there is one. */
static bool find_time(const char *text, const char *name, int64_t *ret_s) {
  const char *found = strstr(text, name);
  if (found == NULL)
    return false;
  const char *digits = found + strlen(name);
  const size_t count = strspn(digits, "0123456789");
  if (count == 0 || count > TIME_DIGITS)
    return false;
  *ret_s = strtoll(digits, NULL, 10);
  return true;
}

/* A token that has expired carries OneNET's own time with it. */
static void advise_on_expired_token(struct buf *out, int64_t ended_s,
                                    int64_t their_now_s, int64_t our_now_s) {
  int64_t ahead_s = our_now_s - their_now_s;
  buf_append_format(out, "by OneNET's clock the token ended %lld s ago, and ",
                    (long long)(their_now_s - ended_s));
  if (llabs(ahead_s) < CLOCK_IS_RIGHT_S)
    buf_append_text(out, "this machine's clock is right: raise TokenLifetime");
  else
    buf_append_format(out, "this machine's clock is %lld s %s: set it",
                      llabs(ahead_s), ahead_s > 0 ? "ahead" : "behind");
}

/* Appends what OneNET's current platform says of a token. Returns whether it
 * says anything that is known. */
static bool advise_on_token(struct buf *out, const struct verdict *v,
                            const struct endpoint *e, int64_t our_now_s) {
  int64_t ended_s = 0, their_now_s = 0;
  if (strstr(v->error, "has expired") != NULL &&
      find_time(v->error, "expire=", &ended_s) &&
      find_time(v->error, "now=", &their_now_s)) {
    advise_on_expired_token(out, ended_s, their_now_s, our_now_s);
  } else if (strstr(v->error, "expire is too long") != NULL) {
    buf_append_text(out, "the token would be valid for too long: this "
                         "machine's clock is far ahead; set it");
  } else if (strstr(v->error, "invalid authorization") != NULL) {
    buf_append_format(out,
                      "the key in AccessKeyFile %s must be the one of "
                      "Resource \"%s\": the product's for products/..., "
                      "the account's for userid/...; and Resource must "
                      "cover ProductID",
                      e->credential.text, e->credential.resource);
  } else {
    return false;
  }
  return true;
}

static void advise_on_refused_key(struct buf *out, const struct endpoint *e) {
  buf_append_text(out, "compare the key in ");
  append_key_name(out, e);
  buf_append_text(out,
                  " with that of the device's product in OneNET's console");
  if (e->credential.kind == CREDENTIAL_ACCESS_KEY_FILE)
    buf_append_text(out, ", check Resource, and see whether this machine's "
                         "clock is right");
}

static void advise_on_unread_key(struct buf *out, const struct verdict *v,
                                 const struct endpoint *e) {
  const char *path = e->credential.text; /* used only for a file */
  bool is_file = e->credential.kind != CREDENTIAL_KEY;
  switch (is_file ? v->local_errno : 0) {
  case ENOENT:
    buf_append_format(out,
                      "create the file with the key alone in it, and chmod 600 "
                      "%s; it must belong to the user that collectd runs as",
                      path);
    break;
  case EACCES:
    buf_append_format(out,
                      "let the user that collectd runs as read it: chown and "
                      "chmod 600 %s, and look at the folders above it",
                      path);
    break;
  case EPERM:
    buf_append_text(out, "none but root and the user that collectd runs as may "
                         "choose what is sent as the key");
    break;
  default:
    append_key_name(out, e);
    buf_append_text(out, " must hold the key alone, on one line");
  }
}

static void advise_on_certificate(struct buf *out, const struct verdict *v) {
  if (strstr(v->error, "expired") != NULL ||
      strstr(v->error, "not yet valid") != NULL)
    buf_append_text(out, "the server needs a new certificate, or this "
                         "machine's clock is wrong");
  else if (strstr(v->error, "subject name") != NULL ||
           strstr(v->error, "mismatch") != NULL)
    buf_append_text(out, "URL must name the host as the server's certificate "
                         "does");
  else
    buf_append_text(out, "if the server has a certificate of its own or of "
                         "your own authority, name that one's file with "
                         "CACert");
}

/* Names the option that says where connections go. A Proxy may hold a password.
 */
static void append_next_host(struct buf *out, const struct endpoint *e) {
  if (e->proxy != NULL)
    buf_append_text(out, "Proxy");
  else
    append_url(out, e->url);
}

static void advise_on_transfer(struct buf *out, const struct verdict *v,
                               const struct endpoint *e) {
  switch (number_of(v, "curl")) {
  case NO_PROXY:
    buf_append_text(out, "is the host of Proxy right?");
    break;
  case NO_HOST:
    buf_append_text(out, "is the host of ");
    append_url(out, e->url);
    buf_append_text(out, " right, and can this machine resolve names?");
    break;
  case NO_CONNECTION:
    buf_append_text(out, "are host and port of ");
    append_next_host(out, e);
    buf_append_text(
        out,
        " right, does the service run, and does a firewall let us through?");
    break;
  case TOO_LATE:
    buf_append_text(out, "is ");
    append_url(out, e->url);
    buf_append_text(
        out,
        " right? How long it may take is ConnectTimeout and RequestTimeout");
    break;
  case NO_TLS:
    buf_append_text(out, "does the port of ");
    append_url(out, e->url);
    buf_append_text(
        out, " speak TLS, and one of the versions that SSLVersion allows?");
    break;
  case BAD_CLIENT_CERTIFICATE:
    buf_append_text(out, "look at ClientCert, ClientKey and ClientKeyPass");
    break;
  case NOT_VERIFIED:
    advise_on_certificate(out, v);
    break;
  case NO_AUTHORITIES:
    buf_append_text(out, "look at CACert and CAPath; without them the package "
                         "ca-certificates is needed");
    break;
  default:
    buf_append_text(out, "look at what listens at ");
    append_url(out, e->url);
    buf_append_text(out, ", and at what is between");
  }
}

static void advise_on_fault(struct buf *out, const struct verdict *v,
                            const struct endpoint *e) {
  if (strcmp(v->cause, "unreadable") != 0) {
    buf_append_text(out, "OneNET, or a gateway before it, has a fault of its "
                         "own: it has to be waited for");
    return;
  }
  buf_append_text(out, "is ");
  append_url(out, e->url);
  buf_append_format(out, " that of OneNET's %s?", e->api->path);
}

/* Advises on what became of a command that the device had. */
static void advise_on_device(struct buf *out, const struct verdict *v) {
  if (v->class == VERDICT_REFUSED)
    buf_append_text(out, "the device itself says no: look at the body, and at "
                         "the device's program");
  else if (is_reply(v))
    buf_append_text(out, "look at the device's program: the code in its reply "
                         "must be an integer. It may have acted all the same");
  else
    buf_append_text(out, "it was sent, and no reply came: does the device's "
                         "program reply? It may have acted all the same");
}

/* Advises on a code with which OneNET's current platform refuses. */
static void advise_on_refused_call(struct buf *out, const struct verdict *v) {
  if (strstr(v->error, "not subscribed") != NULL)
    buf_append_text(out, "API must fit the product: set-device-property and "
                         "call-service for a thing model, synccmds for data "
                         "streams; or the device is not connected");
  else
    buf_append_text(out, "compare ProductID, DeviceID and the body with the "
                         "product in OneNET's console");
}

static void advise_on_refusal(struct buf *out, const struct endpoint *e,
                              const struct verdict *v) {
  if (e->api->is_answer && v->has_errno) {
    advise_on_refused_call(out, v);
    return;
  }
  buf_append_text(out, "compare DeviceID with OneNET's console, and look at ");
  append_url(out, e->url);
}

static void advise_on_answer(struct buf *out, const struct verdict *v,
                             const struct endpoint *e, int64_t wall_now_s) {
  switch (v->class) {
  case VERDICT_ACCEPTED:
    break;
  case VERDICT_CREDENTIALS:
    if (!e->api->is_answer || !advise_on_token(out, v, e, wall_now_s))
      advise_on_refused_key(out, e);
    break;
  case VERDICT_OFFLINE:
    buf_append_text(out, "is the device switched on, and connected to OneNET?");
    break;
  case VERDICT_NOT_EXECUTED:
    buf_append_text(out, "it has too much to do; if that stays so, lower "
                         "RateLimit and MaxInFlight");
    break;
  case VERDICT_REFUSED:
    advise_on_refusal(out, e, v);
    break;
  case VERDICT_NOT_SENT:
  case VERDICT_DOUBTFUL:
    advise_on_fault(out, v, e);
  }
}

void advice_append(struct buf *out, const struct verdict *v,
                   const struct endpoint *e, int64_t wall_now_s) {
  if (is_local(v) && v->class == VERDICT_CREDENTIALS)
    advise_on_unread_key(out, v, e);
  else if (is_local(v) && v->class == VERDICT_REFUSED)
    buf_append_format(out, "mend the rule: its endpoint has API \"%s\"",
                      e->api->name);
  else if (is_local(v))
    buf_append_text(out, "this machine lacks memory, or URL is too long");
  else if (v->is_of_device)
    advise_on_device(out, v);
  else if (number_of(v, "curl") >= 0)
    advise_on_transfer(out, v, e);
  else
    advise_on_answer(out, v, e, wall_now_s);
}
