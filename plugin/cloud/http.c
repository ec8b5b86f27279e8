/* SPDX-License-Identifier: MIT */
#include "cloud/http.h"

#include "base/systime.h"
#include "cloud/http_options.h"
#include "cloud/http_sockets.h"
#include "cloud/http_transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* Transfers at rest that are looked at for one that is set up already. */
#define LOOK_MAX 16

struct http {
  CURLM *multi;
  struct http_sockets *sockets;
  struct http_transfer *transfers; /* under way */
  int64_t next_deadline_ms;        /* of these, the earliest, or earlier */
  struct http_transfer *ended;     /* replies not fetched yet; oldest first */
  struct http_transfer **ended_end;
  size_t in_flight;              /* under way or ended */
  struct http_transfer *replied; /* its answer is borrowed by the caller */
  struct http_transfer *resting; /* the one that rested last first */
  size_t resting_count;
  size_t resting_max;
};

int http_global_init(void) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return -ENOSYS;

  /* The libcurl that runs must know every option that was compiled in. */
  unsigned needed = LIBCURL_VERSION_NUM < HTTP_OPTIONS_CURL_YOUNGEST
                        ? LIBCURL_VERSION_NUM
                        : HTTP_OPTIONS_CURL_YOUNGEST;
  unsigned present = curl_version_info(CURLVERSION_NOW)->version_num;
  if (present >= needed && present >= HTTP_OPTIONS_CURL_OLDEST)
    return 0;
  curl_global_cleanup();
  return -ENOSYS;
}

void http_global_cleanup(void) { curl_global_cleanup(); }

struct http *http_new(size_t max_connections) {
  struct http *h = calloc(1, sizeof(*h));
  if (h == NULL)
    return NULL;
  long keep = max_connections < INT_MAX ? (long)max_connections : INT_MAX;
  h->ended_end = &h->ended;
  h->next_deadline_ms = INT64_MAX;
  h->resting_max = max_connections;
  h->multi = curl_multi_init();
  h->sockets = h->multi != NULL ? http_sockets_new(h->multi) : NULL;
  if (h->sockets == NULL ||
      curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, keep) != CURLM_OK ||
      curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) !=
          CURLM_OK) {
    http_free(h);
    return NULL;
  }
  return h;
}

/* Takes t off the list of those under way. */
static void unlink_transfer(struct http *h, struct http_transfer *t) {
  curl_multi_remove_handle(h->multi, t->kept.easy);
  *t->link = t->next;
  if (t->next != NULL)
    t->next->link = t->link;
}

/* Takes the transfer at `link` off the list of those at rest. */
static struct http_transfer *take_resting(struct http *h,
                                          struct http_transfer **link) {
  struct http_transfer *t = *link;
  *link = t->next;
  h->resting_count--;
  return t;
}

static struct http_transfer *take_ended(struct http *h) {
  struct http_transfer *t = h->ended;
  if (t == NULL)
    return NULL;
  h->ended = t->next;
  if (h->ended == NULL)
    h->ended_end = &h->ended;
  return t;
}

void http_free(struct http *h) {
  if (h == NULL)
    return;
  http_transfer_free(h->replied);
  while (h->resting != NULL)
    http_transfer_free(take_resting(h, &h->resting));
  while (h->transfers != NULL) {
    struct http_transfer *t = h->transfers;
    unlink_transfer(h, t);
    http_transfer_free(t);
  }
  for (struct http_transfer *t; (t = take_ended(h)) != NULL;)
    http_transfer_free(t);
  curl_multi_cleanup(h->multi);
  http_sockets_free(h->sockets);
  free(h);
}

/* ---- starting ---- */

/* Returns a transfer for the request, of those at rest one that is set up for
 * such requests already, if it is soon found. */
static struct http_transfer *choose_transfer(struct http *h,
                                             const struct http_request *r) {
  struct http_transfer **link = &h->resting;
  if (h->resting == NULL)
    return http_transfer_new(h->sockets);
  for (int i = 0; i < LOOK_MAX && *link != NULL; i++, link = &(*link)->next)
    if (http_transfer_is_like(*link, r))
      return take_resting(h, link);
  return take_resting(h, &h->resting);
}

static void rest_transfer(struct http *h, struct http_transfer *t) {
  if (t == NULL)
    return;
  if (h->resting_count >= h->resting_max) {
    http_transfer_free(t);
    return;
  }
  http_transfer_rest(t);
  t->next = h->resting;
  h->resting = t;
  h->resting_count++;
}

static void link_transfer(struct http *h, struct http_transfer *t) {
  t->deadline_ms = systime_monotonic_ms() + t->timeout_ms;
  if (t->deadline_ms < h->next_deadline_ms)
    h->next_deadline_ms = t->deadline_ms;
  t->next = h->transfers;
  t->link = &h->transfers;
  if (t->next != NULL)
    t->next->link = &t->next;
  h->transfers = t;
  h->in_flight++;
}

int http_start(struct http *h, const struct http_request *request) {
  struct http_transfer *t = choose_transfer(h, request);
  if (t == NULL)
    return -ENOMEM;
  int err = http_transfer_prepare(t, request);
  if (err == 0 && curl_multi_add_handle(h->multi, t->kept.easy) != CURLM_OK)
    err = -ENOMEM;
  if (err != 0) {
    http_transfer_free(t);
    return err;
  }
  link_transfer(h, t);
  return 0;
}

/* ---- waiting ---- */

static CURLMsg *next_message(struct http *h) {
  int left;
  CURLMsg *m;
  do
    m = curl_multi_info_read(h->multi, &left);
  while (m != NULL && m->msg != CURLMSG_DONE);
  return m;
}

static void end_transfer(struct http *h, struct http_transfer *t,
                         CURLcode code) {
  unlink_transfer(h, t);
  http_transfer_end(t, code);
  t->next = NULL;
  *h->ended_end = t;
  h->ended_end = &t->next;
}

/* Takes the request to a fresh connection. Returns whether that was possible.
 */
static bool start_on_fresh(struct http *h, struct http_transfer *t) {
  curl_multi_remove_handle(h->multi, t->kept.easy);
  return http_transfer_go_fresh(t) == 0 &&
         curl_multi_add_handle(h->multi, t->kept.easy) == CURLM_OK;
}

static void take_messages(struct http *h) {
  for (const CURLMsg *m; (m = next_message(h)) != NULL;) {
    struct http_transfer *t;
    CURLcode code = m->data.result;
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
    http_sockets_note(h->sockets, t->kept.easy);
    if (!t->was_kept_off || !start_on_fresh(h, t))
      end_transfer(h, t, code);
  }
}

/* Ends a transfer that was overdue before what had arrived was read. Returns
 * whether it became overdue only now. */
static bool judge_deadline(struct http *h, struct http_transfer *t,
                           int64_t now_ms) {
  if (t->deadline_ms > now_ms) {
    if (t->deadline_ms < h->next_deadline_ms)
      h->next_deadline_ms = t->deadline_ms;
    return false;
  }
  if (t->is_overdue) {
    snprintf(t->error, sizeof(t->error),
             "timed out after %lld ms with %zu bytes of an answer",
             (long long)t->timeout_ms, t->header_bytes + t->kept.answer.size);
    end_transfer(h, t, CURLE_OPERATION_TIMEDOUT);
    return false;
  }
  t->is_overdue = true;
  h->next_deadline_ms = now_ms;
  return true;
}

static bool judge_deadlines(struct http *h) {
  int64_t now_ms = systime_monotonic_ms();
  bool is_any_overdue = false;
  if (now_ms < h->next_deadline_ms)
    return false;
  h->next_deadline_ms = INT64_MAX;
  for (struct http_transfer *t = h->transfers, *next; t != NULL; t = next) {
    next = t->next;
    is_any_overdue = judge_deadline(h, t, now_ms) || is_any_overdue;
  }
  return is_any_overdue;
}

static int64_t limit_of(const struct http *h, int64_t timeout_ms) {
  int64_t left_ms = h->next_deadline_ms - systime_monotonic_ms();
  if (h->ended != NULL)
    return 0;
  return left_ms < timeout_ms ? left_ms : timeout_ms;
}

/* libcurl judges a time-out before it reads what has arrived, so that a thread
 * that was late would lose answers that were not: here that is read first. */
void http_wait(struct http *h, int64_t timeout_ms) {
  http_sockets_run_due(h->sockets);
  take_messages(h);
  http_sockets_sleep(h->sockets, limit_of(h, timeout_ms));
  take_messages(h);
  while (judge_deadlines(h)) {
    http_sockets_read(h->sockets);
    take_messages(h);
  }
}

void http_wake(struct http *h) { http_sockets_wake(h->sockets); }

size_t http_in_flight(const struct http *h) { return h->in_flight; }

/* ---- replies ---- */

bool http_next_reply(struct http *h, struct http_reply *ret_reply) {
  rest_transfer(h, h->replied);
  h->replied = take_ended(h);
  if (h->replied == NULL)
    return false;
  h->in_flight--;
  http_transfer_fill_reply(h->replied, ret_reply);
  return true;
}
