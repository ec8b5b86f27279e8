/* SPDX-License-Identifier: MIT */
#include "cloud/http_transfer.h"

#include "base/secret.h"
#include "base/url.h"
#include "cloud/http_options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX_BYTES 65536
#define RETRY_AFTER_MAX_S (INT64_C(366) * 24 * 3600)

/* A POST of at most so many bytes (URL, headers and body) goes to the kernel in
 * one piece: the buffer of a connection on which nothing waits takes it all. */
#define ONE_PIECE_MAX_BYTES 8192

/* Bounds of what a transfer at rest keeps: nearly every request and answer fits
 * into the least, and more than the most is given back. */
#define ROOM_LEAST_BYTES 1024
#define ROOM_MOST_BYTES 16384

/* ---- libcurl's callbacks ---- */

/* Sends no more of the body after an early answer: a command whose body the far
 * side never saw whole is never executed. libcurl would go on where the far
 * side closes. */
static size_t give_body(char *buffer, size_t size, size_t count,
                        void *context) {
  struct http_transfer *t = context;
  size_t room = size * count;
  size_t left = t->body_size - t->body_used;
  size_t given = left < room ? left : room;
  if (t->is_early)
    return CURL_READFUNC_ABORT;
  t->was_asked_for_body = true;
  memcpy(buffer, t->kept.body + t->body_used, given);
  t->body_used += given;
  return given;
}

/* Keeps libcurl from sending a body twice, as admit does: libcurl before 7.80
 * does not know that. */
static int refuse_rewind(void *context, curl_off_t offset, int origin) {
  (void)context;
  (void)offset;
  (void)origin;
  return CURL_SEEKFUNC_FAIL;
}

/* Returns whether some of the body may have left. */
static bool may_have_left(const struct http_transfer *t) {
  return t->is_in_one_piece ? t->was_admitted : t->was_asked_for_body;
}

static size_t store_answer(char *data, size_t size, size_t count,
                           void *context) {
  struct http_transfer *t = context;
  int err = buf_append(&t->kept.answer, data, size * count);
  if (err == -E2BIG)
    t->is_too_large = true;
  return err == 0 ? size * count : 0;
}

static curl_off_t info_offset(CURL *easy, CURLINFO info) {
  curl_off_t value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

#if LIBCURL_VERSION_NUM >= HTTP_OPTIONS_CURL_WITH_PREREQ
/* Decides whether libcurl may send a POST now. libcurl asks once the connection
 * is made, each time before it sends the head. When a connection that was used
 * before dies without an answer, libcurl would send the request again, although
 * the far side may have acted on it. And what waits on such a connection would
 * be taken for the answer, or is its end. */
static int admit(void *context, char *ip, char *local_ip, int port,
                 int local_port) {
  struct http_transfer *t = context;
  bool is_fresh = http_info_long(t->kept.easy, CURLINFO_NUM_CONNECTS) > 0;
  if (!t->is_post)
    return CURL_PREREQFUNC_OK;
  if (may_have_left(t)) {
    t->was_repeated = true;
    return CURL_PREREQFUNC_ABORT;
  }
  if (!is_fresh &&
      !http_sockets_is_quiet(t->kept.sockets, ip, local_ip, port, local_port)) {
    t->was_kept_off = true;
    return CURL_PREREQFUNC_ABORT;
  }
  t->was_admitted = true;
  t->was_admitted_fresh = is_fresh;
  return CURL_PREREQFUNC_OK;
}
#endif

static bool has_left_whole(const struct http_transfer *t) {
  if (!t->is_in_one_piece)
    return t->body_used == t->body_size;
  return info_offset(t->kept.easy, CURLINFO_SIZE_UPLOAD_T) ==
         (curl_off_t)t->body_size;
}

/* Returns whether an early answer can be the answer to this request, and what
 * is left of the body can be held back meanwhile: not of a request in one
 * piece, for which libcurl does not ask us. */
static bool can_be_answered_early(const struct http_transfer *t) {
  bool is_fresh = http_info_long(t->kept.easy, CURLINFO_NUM_CONNECTS) > 0;
  return (t->was_admitted || is_fresh) && !t->is_in_one_piece;
}

/* Judges from a status line whether an early answer has come, and whether it is
 * believed. libcurl 7.88 would believe any, and send the body nevertheless. A
 * status below 200, such as "100 Continue", only announces an answer. */
static void take_status(struct http_transfer *t) {
  long http_code = http_info_long(t->kept.easy, CURLINFO_RESPONSE_CODE);
  if (!t->is_post || http_code < 200 || has_left_whole(t))
    return;
  t->is_early = true;
  t->is_unbelieved = http_code < 300 || !can_be_answered_early(t);
}

static bool begins_with(const char *data, size_t size, const char *word) {
  size_t word_size = strlen(word);
  return size >= word_size && strncasecmp(data, word, word_size) == 0;
}

static size_t take_header(char *data, size_t size, size_t count,
                          void *context) {
  struct http_transfer *t = context;
  if (begins_with(data, size * count, "HTTP/")) {
    t->has_retry_after = false; /* that was of an announcement */
    take_status(t);
  }
  if (begins_with(data, size * count, "Retry-After:"))
    t->has_retry_after = true;
  t->header_bytes += size * count;
  t->is_too_large = t->header_bytes > HEADERS_MAX_BYTES;
  return t->is_unbelieved || t->is_too_large ? 0 : size * count;
}

/* ---- set up once ---- */

static void set_answer(struct http_setup *s, struct http_transfer *t) {
  CURL *easy = s->easy;
  http_setup_note(s,
                  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, store_answer));
  http_setup_note(s, curl_easy_setopt(easy, CURLOPT_WRITEDATA, t));
  http_setup_note(s,
                  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header));
  http_setup_note(s, curl_easy_setopt(easy, CURLOPT_HEADERDATA, t));
  http_setup_note(s, curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error));
  http_setup_note(s, curl_easy_setopt(easy, CURLOPT_PRIVATE, t));
}

/* Has libcurl ask before it sends, and ask for the parts of a long body: so an
 * early answer can hold back what is left. */
static void set_questions(struct http_setup *s, struct http_transfer *t) {
  CURL *easy = s->easy;
#if LIBCURL_VERSION_NUM >= HTTP_OPTIONS_CURL_WITH_PREREQ
  http_setup_note(s, curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, admit));
  http_setup_note(s, curl_easy_setopt(easy, CURLOPT_PREREQDATA, t));
#endif
  http_setup_note(s, curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body));
  http_setup_note(s, curl_easy_setopt(easy, CURLOPT_READDATA, t));
  http_setup_note(s,
                  curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, refuse_rewind));
}

struct http_transfer *http_transfer_new(struct http_sockets *sockets) {
  struct http_transfer *t = calloc(1, sizeof(*t));
  if (t == NULL)
    return NULL;
  buf_init(&t->kept.answer, HTTP_ANSWER_MAX_BYTES);
  t->kept.sockets = sockets;
  t->kept.easy = curl_easy_init();
  if (t->kept.easy != NULL)
    return t;
  http_transfer_free(t);
  return NULL;
}

void http_transfer_free(struct http_transfer *t) {
  if (t == NULL)
    return;
  curl_easy_cleanup(t->kept.easy);
  http_site_clear(&t->kept.site);
  secret_free(t->kept.headers);
  free(t->kept.body);
  buf_free(&t->kept.answer);
  free(t);
}

/* ---- set up for a request ---- */

/* An empty Expect keeps libcurl from waiting for a 100 before the body. */
#define NO_EXPECT "Expect:"

/* Returns the size of the list with its texts; ret_count: of its lines. */
static size_t measure_headers(const char *const *lines, size_t *ret_count) {
  size_t bytes = sizeof(struct curl_slist) + sizeof(NO_EXPECT);
  size_t count = 1;
  for (; lines[count - 1] != NULL; count++)
    bytes += sizeof(struct curl_slist) + strlen(lines[count - 1]) + 1;
  *ret_count = count;
  return bytes;
}

static int make_room_for_headers(struct http_kept *kept, size_t bytes) {
  if (bytes <= kept->headers_room)
    return 0;
  secret_free(kept->headers);
  kept->headers_room = bytes > ROOM_LEAST_BYTES ? bytes : ROOM_LEAST_BYTES;
  kept->headers = secret_alloc(kept->headers_room);
  return kept->headers != NULL ? 0 : -ENOMEM;
}

/* Makes the list itself, since one of the lines may hold a key: libcurl's own
 * would lie where core dumps see it. */
static int make_headers(struct http_kept *kept, const char *const *lines) {
  size_t count;
  if (make_room_for_headers(kept, measure_headers(lines, &count)) != 0)
    return -ENOMEM;
  struct curl_slist *list = kept->headers;
  char *text = (char *)(list + count);
  for (size_t i = 0; i < count; i++) {
    list[i].data = text;
    list[i].next = i + 1 < count ? &list[i + 1] : NULL;
    text = stpcpy(text, i == 0 ? NO_EXPECT : lines[i - 1]) + 1;
  }
  return 0;
}

static int copy_body(struct http_transfer *t, const struct http_request *r) {
  struct http_kept *kept = &t->kept;
  t->body_size = r->is_post ? r->body_size : 0;
  if (t->body_size > kept->body_room) {
    free(kept->body);
    kept->body_room =
        t->body_size > ROOM_LEAST_BYTES ? t->body_size : ROOM_LEAST_BYTES;
    kept->body = malloc(kept->body_room);
  }
  if (t->body_size > 0 && kept->body == NULL)
    return -ENOMEM;
  if (t->body_size > 0)
    memcpy(kept->body, r->body, t->body_size);
  return 0;
}

/* Returns whether the POST is short enough for one piece. A libcurl that does
 * not know admit needs the other way. */
static bool fits_in_one_piece(const struct http_request *r) {
  size_t bytes = strlen(r->url) + r->body_size;
  for (size_t i = 0; r->headers[i] != NULL; i++)
    bytes += strlen(r->headers[i]);
  return r->is_post && bytes <= ONE_PIECE_MAX_BYTES &&
         LIBCURL_VERSION_NUM >= HTTP_OPTIONS_CURL_WITH_PREREQ;
}

/* A proxy for http gets the whole URL. */
static size_t site_size_of(const struct http_request *r) {
  return r->proxy == NULL ? http_site_measure(r->url) : 0;
}

bool http_transfer_is_like(const struct http_transfer *t,
                           const struct http_request *r) {
  const struct http_request *like = &t->kept.like;
  return like->tls == r->tls && like->proxy == r->proxy &&
         like->user_agent == r->user_agent &&
         like->connect_timeout_ms == r->connect_timeout_ms &&
         http_site_is(&t->kept.site, r->url, site_size_of(r));
}

static void set_site(struct http_setup *s, struct http_site *site,
                     const struct http_request *r) {
  int err = http_site_set(site, r->url, site_size_of(r));
  if (err != 0)
    http_setup_note(s,
                    err == -ENOMEM ? CURLE_OUT_OF_MEMORY : CURLE_URL_MALFORMAT);
  else if (site->size > 0)
    http_setup_note(s, curl_easy_setopt(s->easy, CURLOPT_CURLU, site->parsed));
}

/* Sets what is the same for all requests that are like this one. */
static void set_kind(struct http_setup *s, struct http_transfer *t,
                     const struct http_request *r) {
  if (http_transfer_is_like(t, r))
    return;
  curl_easy_reset(s->easy);
  set_site(s, &t->kept.site, r);
  http_options_set(s, r);
  set_answer(s, t);
  set_questions(s, t);
  http_sockets_serve(t->kept.sockets, s);
  t->kept.like =
      (struct http_request){.tls = r->tls,
                            .proxy = r->proxy,
                            .user_agent = r->user_agent,
                            .connect_timeout_ms = r->connect_timeout_ms};
}

/* Telling the size of the body keeps it from being sent in chunks. Without
 * POSTFIELDS libcurl asks for it. */
static void set_body(struct http_setup *s, const struct http_transfer *t) {
  http_setup_long(s, CURLOPT_POST, 1);
  http_setup_note(s, curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                      (curl_off_t)t->body_size));
  http_setup_note(s,
                  curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS,
                                   t->is_in_one_piece ? t->kept.body : NULL));
}

static void set_url(struct http_setup *s, const struct http_site *site,
                    const char *url) {
  if (site->size > 0)
    http_setup_text(s, CURLOPT_REQUEST_TARGET, url + site->size);
  else
    http_setup_text(s, CURLOPT_URL, url);
}

static CURLcode set_all(struct http_transfer *t, const struct http_request *r) {
  struct http_setup s = {.easy = t->kept.easy, .code = CURLE_OK};
  set_kind(&s, t, r);
  set_url(&s, &t->kept.site, r->url);
  http_setup_long(&s, CURLOPT_FRESH_CONNECT, 0);
  http_setup_note(
      &s, curl_easy_setopt(s.easy, CURLOPT_HTTPHEADER, t->kept.headers));
  if (t->is_post)
    set_body(&s, t);
  else
    http_setup_long(&s, CURLOPT_HTTPGET, 1);
  return s.code;
}

static int errno_of(CURLcode code) {
  return code == CURLE_OK ? 0 : code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
}

static bool has_control_bytes(const char *text) {
  for (; *text != '\0'; text++)
    if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
      return true;
  return false;
}

static int check_request(const struct http_request *r) {
  struct url url;
  if (r->is_post && r->body_size == 0)
    return -EINVAL;
  for (size_t i = 0; r->headers[i] != NULL; i++)
    if (has_control_bytes(r->headers[i]))
      return -EINVAL;
  return url_parse(r->url, &url) ? 0 : -EINVAL;
}

static int64_t bound(int64_t timeout_ms) {
  return timeout_ms < 0 ? 0 : timeout_ms < INT_MAX ? timeout_ms : INT_MAX;
}

int http_transfer_prepare(struct http_transfer *t,
                          const struct http_request *r) {
  int err = check_request(r);
  if (err != 0)
    return err;
  *t = (struct http_transfer){.kept = t->kept,
                              .tag = r->tag,
                              .is_post = r->is_post,
                              .is_in_one_piece = fits_in_one_piece(r),
                              .timeout_ms = bound(r->timeout_ms)};
  if (copy_body(t, r) != 0 || make_headers(&t->kept, r->headers) != 0)
    return -ENOMEM;
  return errno_of(set_all(t, r));
}

int http_transfer_go_fresh(struct http_transfer *t) {
  t->was_kept_off = false;
  t->error[0] = '\0';
  return errno_of(curl_easy_setopt(t->kept.easy, CURLOPT_FRESH_CONNECT, 1L));
}

void http_transfer_end(struct http_transfer *t, CURLcode code) {
  t->code = t->was_repeated ? CURLE_SEND_FAIL_REWIND : code;
}

static void rest_headers(struct http_kept *kept) {
  if (kept->headers_room <= ROOM_MOST_BYTES) {
    explicit_bzero(kept->headers, kept->headers_room);
    return;
  }
  secret_free(kept->headers);
  kept->headers = NULL;
  kept->headers_room = 0;
}

static void rest_body(struct http_kept *kept) {
  if (kept->body_room <= ROOM_MOST_BYTES)
    return;
  free(kept->body);
  kept->body = NULL;
  kept->body_room = 0;
}

void http_transfer_rest(struct http_transfer *t) {
  rest_headers(&t->kept);
  rest_body(&t->kept);
  if (t->kept.answer.capacity > ROOM_MOST_BYTES)
    buf_free(&t->kept.answer);
  else
    buf_clear(&t->kept.answer);
}

/* ---- the reply ---- */

/* Returns whether the body may have begun to leave. libcurl counts what it has
 * written of it. If libcurl has tried again in vain, that is of the last try:
 * it tries only those again that found a connection of before. */
static bool has_begun_to_leave(const struct http_transfer *t) {
  bool is_counted = t->is_in_one_piece && t->was_admitted_fresh;
  return may_have_left(t) &&
         (!is_counted || info_offset(t->kept.easy, CURLINFO_SIZE_UPLOAD_T) > 0);
}

/* Returns whether the far side may have seen the request: for a POST, some of
 * its body, unless the answer was early, so that the rest never left. A GET has
 * no body, and counts as sent once libcurl has written some of its head. */
static bool was_sent(const struct http_transfer *t) {
  return t->is_post ? has_begun_to_leave(t) && !t->is_early
                    : http_info_long(t->kept.easy, CURLINFO_REQUEST_SIZE) > 0;
}

static int64_t retry_after_ms(const struct http_transfer *t) {
  curl_off_t s = 0;
  if (t->has_retry_after)
    curl_easy_getinfo(t->kept.easy, CURLINFO_RETRY_AFTER, &s);
  if (s < 0)
    return 0;
  return (s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S) * 1000;
}

static const char *error_text(const struct http_transfer *t) {
  if (t->was_repeated)
    return "the connection ended without an answer";
  if (t->is_unbelieved)
    return "an answer came before the request had left";
  if (t->is_too_large)
    return "the answer is too large";
  if (t->kept.answer.error == -ENOMEM)
    return "no memory for the answer";
  return t->error[0] != '\0' ? t->error : curl_easy_strerror(t->code);
}

/* Copies text as one line: libcurl quotes certificates and proxies, so control
 * bytes become spaces. */
static void copy_line(char *to, size_t to_bytes, const char *from) {
  size_t i = 0;
  for (; i + 1 < to_bytes && from[i] != '\0'; i++)
    to[i] = (unsigned char)from[i] < ' ' || from[i] == 0x7f ? ' ' : from[i];
  to[i] = '\0';
}

static int http_code_of(const struct http_transfer *t) {
  long http_code = http_info_long(t->kept.easy, CURLINFO_RESPONSE_CODE);
  /* "100 Continue" announces an answer and is none. libcurl takes a status of
   * any number of digits for one. */
  bool is_announcement = t->code != CURLE_OK && http_code < 200;
  bool is_status = http_code >= 100 && http_code <= 999;
  return t->is_unbelieved || is_announcement || !is_status ? 0 : (int)http_code;
}

void http_transfer_fill_reply(const struct http_transfer *t,
                              struct http_reply *ret_reply) {
  struct http_reply *r = ret_reply;
  memset(r, 0, sizeof(*r));
  r->tag = t->tag;
  r->is_post = t->is_post;
  r->curl_code = (int)t->code;
  if (t->code != CURLE_OK)
    copy_line(r->curl_error, sizeof(r->curl_error), error_text(t));
  r->sent = was_sent(t);
  r->is_early = t->is_early;
  r->http_code = http_code_of(t);
  r->has_retry_after = t->has_retry_after;
  r->retry_after_ms = retry_after_ms(t);
  r->answer = buf_text(&t->kept.answer);
  r->answer_size = t->kept.answer.size;
  r->answer_too_large = t->is_too_large;
}
