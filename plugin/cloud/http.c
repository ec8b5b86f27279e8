/* SPDX-License-Identifier: MIT */
#include "cloud/http.h"

#include "base/buf.h"
#include "base/secret.h"
#include "base/systime.h"
#include "base/url.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Versions of libcurl: the oldest that works, because it has curl_multi_wakeup;
 * and the newest of which an option is used, where the headers know it. */
#define CURL_OLDEST 0x074400      /* 7.68.0 */
#define CURL_YOUNGEST 0x075700    /* 7.87.0 */
#define CURL_WITH_PREREQ 0x075000 /* 7.80.0 */

#define HEADERS_MAX_BYTES 65536
#define IDLE_MAX_S 15L
#define LIFETIME_MAX_S 300L
#define RETRY_AFTER_MAX_S (INT64_C(366) * 24 * 3600)
#define NAP_MAX_MS 100

/* Smallest buffer for uploads that libcurl allows. The smaller the parts in
 * which it asks for a body, the more often a gateway's answer is seen to be
 * early. */
#define UPLOAD_BYTES 16384L

/* A POST of at most so many bytes (URL, headers and body) goes to the kernel in
 * one piece: the buffer of a connection on which nothing waits takes it all. */
#define ONE_PIECE_MAX_BYTES 8192

/* Entries of the table of sockets: many more than connections are kept, so that
 * few of these share an entry. */
#define SOCKETS 4096

/* kept_socket: the socket of a connection that may be used again. */
struct kept_socket {
  uint64_t id; /* hash of the addresses at its ends */
  int fd;
};

struct transfer {
  struct transfer *next;
  struct transfer **link; /* the pointer to this transfer in the list */
  CURL *easy;
  const struct kept_socket *sockets; /* borrowed from the struct http */
  struct curl_slist *headers;        /* one piece of secret memory */
  void *tag;
  struct buf answer;
  size_t header_bytes;
  bool is_post;
  bool is_in_one_piece; /* a POST whose head and body libcurl sends together */
  bool was_admitted;    /* libcurl was let send it: see admit */
  bool was_admitted_fresh; /* and that over a connection made for it */
  bool was_kept_off; /* libcurl was not let send it, since something waited */
  bool was_repeated; /* libcurl wanted to send it again */
  bool was_asked_for_body; /* by libcurl, of one that is not in one piece */
  bool is_too_large;
  bool is_early; /* an answer came before the whole body had left */
  bool is_unbelieved;
  bool is_overdue; /* and what had arrived until then was not read yet */
  bool has_retry_after;
  int64_t timeout_ms;
  int64_t deadline_ms;
  CURLcode code; /* once it has ended */
  char error[CURL_ERROR_SIZE];
  size_t body_size;
  size_t body_used;
  char body[];
};

struct http {
  CURLM *multi;
  struct kept_socket sockets[SOCKETS]; /* see remember_socket */
  struct transfer *transfers;          /* under way */
  int64_t next_deadline_ms;            /* of these, the earliest, or earlier */
  struct transfer *ended; /* their replies were not fetched; oldest first */
  struct transfer **ended_end;
  size_t in_flight;         /* under way or ended */
  struct transfer *replied; /* its answer is borrowed by the caller */
};

static int64_t clock_ms(void) { return systime_ms(CLOCK_MONOTONIC); }

int http_global_init(void) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return -ENOSYS;

  /* The libcurl that runs must know every option that was compiled in. */
  unsigned needed =
      LIBCURL_VERSION_NUM < CURL_YOUNGEST ? LIBCURL_VERSION_NUM : CURL_YOUNGEST;
  unsigned present = curl_version_info(CURLVERSION_NOW)->version_num;
  if (present >= needed && present >= CURL_OLDEST)
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
  h->multi = curl_multi_init();
  /* libcurl does without the descriptors of its wake-up, and tells only here.
   */
  if (h->multi == NULL || curl_multi_wakeup(h->multi) != CURLM_OK ||
      curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, keep) != CURLM_OK ||
      curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) !=
          CURLM_OK) {
    http_free(h);
    return NULL;
  }
  return h;
}

static void transfer_free(struct transfer *t) {
  if (t == NULL)
    return;
  curl_easy_cleanup(t->easy);
  secret_free(t->headers);
  buf_free(&t->answer);
  free(t);
}

/* Takes t off the list of those under way. */
static void unlink_transfer(struct http *h, struct transfer *t) {
  curl_multi_remove_handle(h->multi, t->easy);
  *t->link = t->next;
  if (t->next != NULL)
    t->next->link = t->link;
}

static struct transfer *take_ended(struct http *h) {
  struct transfer *t = h->ended;
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
  transfer_free(h->replied);
  while (h->transfers != NULL) {
    struct transfer *t = h->transfers;
    unlink_transfer(h, t);
    transfer_free(t);
  }
  for (struct transfer *t; (t = take_ended(h)) != NULL;)
    transfer_free(t);
  curl_multi_cleanup(h->multi);
  free(h);
}

/* ---- libcurl's callbacks ---- */

/* Sends no more of the body after an early answer: a command whose body the far
 * side never saw whole is never executed. libcurl would go on where the far
 * side closes. */
static size_t give_body(char *buffer, size_t size, size_t count,
                        void *context) {
  struct transfer *t = context;
  size_t room = size * count;
  size_t left = t->body_size - t->body_used;
  size_t given = left < room ? left : room;
  if (t->is_early)
    return CURL_READFUNC_ABORT;
  t->was_asked_for_body = true;
  memcpy(buffer, t->body + t->body_used, given);
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
static bool may_have_left(const struct transfer *t) {
  return t->is_in_one_piece ? t->was_admitted : t->was_asked_for_body;
}

static size_t store_answer(char *data, size_t size, size_t count,
                           void *context) {
  struct transfer *t = context;
  int err = buf_append(&t->answer, data, size * count);
  if (err == -E2BIG)
    t->is_too_large = true;
  return err == 0 ? size * count : 0;
}

static long info_long(CURL *easy, CURLINFO info) {
  long value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

static curl_off_t info_offset(CURL *easy, CURLINFO info) {
  curl_off_t value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

/* Adds a text to a hash (FNV-1a). */
static uint64_t hash_text(uint64_t hash, const char *text) {
  for (; *text != '\0'; text++)
    hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
  return hash;
}

/* Returns the id of the connection between these addresses. */
static uint64_t id_of_connection(const char *ip, const char *local_ip,
                                 long port, long local_port) {
  uint64_t ports = (uint64_t)port << 16 | (uint64_t)local_port;
  uint64_t hash = UINT64_C(14695981039346656037) ^ ports;
  return hash_text(hash_text(hash, ip) * UINT64_C(1099511628211), local_ip);
}

#if LIBCURL_VERSION_NUM >= CURL_WITH_PREREQ
static bool is_bound_to(int fd, int port) {
  struct sockaddr_storage a = {0};
  socklen_t size = sizeof(a);
  if (fd < 0 || getsockname(fd, (struct sockaddr *)&a, &size) != 0)
    return false;
  in_port_t bound = a.ss_family == AF_INET6
                        ? ((struct sockaddr_in6 *)&a)->sin6_port
                        : ((struct sockaddr_in *)&a)->sin_port;
  return ntohs(bound) == port;
}

/* Returns whether nothing waits on a kept connection. One that was lost from
 * the table, or closed since, is not believed to be quiet. */
static bool is_quiet(const struct kept_socket *sockets, uint64_t id,
                     int local_port) {
  const struct kept_socket *s = &sockets[id % SOCKETS];
  struct pollfd waiting = {.fd = s->fd, .events = POLLIN};
  return s->id == id && is_bound_to(s->fd, local_port) &&
         poll(&waiting, 1, 0) == 0;
}

/* Decides whether libcurl may send a POST now. libcurl asks once the connection
 * is made, each time before it sends the head. When a connection that was used
 * before dies without an answer, libcurl would send the request again, although
 * the far side may have acted on it. And what waits on such a connection would
 * be taken for the answer, or is its end. */
static int admit(void *context, char *ip, char *local_ip, int port,
                 int local_port) {
  struct transfer *t = context;
  uint64_t id = id_of_connection(ip, local_ip, port, local_port);
  bool is_fresh = info_long(t->easy, CURLINFO_NUM_CONNECTS) > 0;
  if (may_have_left(t)) {
    t->was_repeated = true;
    return CURL_PREREQFUNC_ABORT;
  }
  if (!is_fresh && !is_quiet(t->sockets, id, local_port)) {
    t->was_kept_off = true;
    return CURL_PREREQFUNC_ABORT;
  }
  t->was_admitted = true;
  t->was_admitted_fresh = is_fresh;
  return CURL_PREREQFUNC_OK;
}
#endif

static bool has_left_whole(const struct transfer *t) {
  if (!t->is_in_one_piece)
    return t->body_used == t->body_size;
  return info_offset(t->easy, CURLINFO_SIZE_UPLOAD_T) ==
         (curl_off_t)t->body_size;
}

/* Returns whether an early answer can be the answer to this request, and what
 * is left of the body can be held back meanwhile: not of a request in one
 * piece, for which libcurl does not ask us. */
static bool can_be_answered_early(const struct transfer *t) {
  bool is_fresh = info_long(t->easy, CURLINFO_NUM_CONNECTS) > 0;
  return (t->was_admitted || is_fresh) && !t->is_in_one_piece;
}

/* Judges from a status line whether an early answer has come, and whether it is
 * believed. libcurl 7.88 would believe any, and send the body nevertheless. A
 * status below 200, such as "100 Continue", only announces an answer. */
static void take_status(struct transfer *t) {
  long http_code = info_long(t->easy, CURLINFO_RESPONSE_CODE);
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
  struct transfer *t = context;
  if (begins_with(data, size * count, "HTTP/"))
    take_status(t);
  if (begins_with(data, size * count, "Retry-After:"))
    t->has_retry_after = true;
  t->header_bytes += size * count;
  t->is_too_large = t->header_bytes > HEADERS_MAX_BYTES;
  return t->is_unbelieved || t->is_too_large ? 0 : size * count;
}

/* ---- options: the first error is remembered ---- */

struct setup {
  CURL *easy;
  CURLcode code;
};

static void remember(struct setup *s, CURLcode code) {
  if (s->code == CURLE_OK)
    s->code = code;
}

static void set_long(struct setup *s, CURLoption option, long value) {
  remember(s, curl_easy_setopt(s->easy, option, value));
}

/* Sets nothing for NULL, which leaves libcurl's default. */
static void set_text(struct setup *s, CURLoption option, const char *text) {
  if (text != NULL)
    remember(s, curl_easy_setopt(s->easy, option, text));
}

/* libcurl takes 0 for "no limit". */
static void set_timeout(struct setup *s, CURLoption option, int64_t ms) {
  set_long(s, option, ms < 1 ? 1 : ms > INT_MAX ? INT_MAX : (long)ms);
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

static void set_always(struct setup *s) {
  for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
    set_long(s, always[i].option, always[i].value);
#if LIBCURL_VERSION_NUM >= 0x075500
  set_text(s, CURLOPT_PROTOCOLS_STR, "http,https");
#endif
}

static void set_tls_version(struct setup *s, int version) {
  switch (version) {
  case 0:
    return;
  case 10:
    set_long(s, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_0);
    return;
  case 11:
    set_long(s, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_1);
    return;
  case 12:
    set_long(s, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    return;
  case 13:
    set_long(s, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_3);
    return;
  default:
    remember(s, CURLE_BAD_FUNCTION_ARGUMENT);
  }
}

static void set_tls(struct setup *s, const struct tls_options *tls) {
  set_long(s, CURLOPT_SSL_VERIFYPEER, tls->verify_peer ? 1 : 0);
  set_long(s, CURLOPT_SSL_VERIFYHOST, tls->verify_host ? 2 : 0);
  set_text(s, CURLOPT_CAINFO, tls->ca_cert);
  set_text(s, CURLOPT_CAPATH, tls->ca_path);
  set_text(s, CURLOPT_SSLCERT, tls->client_cert);
  set_text(s, CURLOPT_SSLKEY, tls->client_key);
  set_text(s, CURLOPT_KEYPASSWD, tls->client_key_pass);
  set_tls_version(s, tls->ssl_version);
}

/* Has libcurl fetch the body by callbacks: so it asks before each part, and
 * an early answer can hold back what is left. */
static void set_body_in_parts(struct setup *s, struct transfer *t) {
  remember(s, curl_easy_setopt(s->easy, CURLOPT_READFUNCTION, give_body));
  remember(s, curl_easy_setopt(s->easy, CURLOPT_READDATA, t));
  remember(s, curl_easy_setopt(s->easy, CURLOPT_SEEKFUNCTION, refuse_rewind));
}

/* Telling the size of the body keeps it from being sent in chunks. */
static void set_body(struct setup *s, struct transfer *t) {
  set_long(s, CURLOPT_POST, 1);
  remember(s, curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)t->body_size));
  if (t->is_in_one_piece)
    set_text(s, CURLOPT_POSTFIELDS, t->body);
  else
    set_body_in_parts(s, t);
#if LIBCURL_VERSION_NUM >= CURL_WITH_PREREQ
  remember(s, curl_easy_setopt(s->easy, CURLOPT_PREREQFUNCTION, admit));
  remember(s, curl_easy_setopt(s->easy, CURLOPT_PREREQDATA, t));
#endif
}

static void set_answer(struct setup *s, struct transfer *t) {
  remember(s, curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, store_answer));
  remember(s, curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, t));
  remember(s, curl_easy_setopt(s->easy, CURLOPT_HEADERFUNCTION, take_header));
  remember(s, curl_easy_setopt(s->easy, CURLOPT_HEADERDATA, t));
  remember(s, curl_easy_setopt(s->easy, CURLOPT_ERRORBUFFER, t->error));
  remember(s, curl_easy_setopt(s->easy, CURLOPT_PRIVATE, t));
}

/* libcurl would take what is left open from the environment: the key would go
 * to whoever a variable names. */
static void set_proxy(struct setup *s, const char *proxy) {
  set_text(s, CURLOPT_PROXY, proxy != NULL ? proxy : "");
  set_text(s, CURLOPT_NOPROXY, "");
}

static CURLcode set_all(struct transfer *t, const struct http_request *r) {
  struct setup s = {.easy = t->easy, .code = CURLE_OK};
  set_always(&s);
  set_text(&s, CURLOPT_URL, r->url);
  set_proxy(&s, r->proxy);
  set_text(&s, CURLOPT_USERAGENT,
           r->user_agent != NULL ? r->user_agent
                                 : "collectd-onenet/" ONENET_VERSION);
  set_timeout(&s, CURLOPT_CONNECTTIMEOUT_MS, r->connect_timeout_ms);
  set_tls(&s, r->tls);
  set_answer(&s, t);
  if (t->is_post)
    set_body(&s, t);
  remember(&s, curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers));
  return s.code;
}

static bool has_control_bytes(const char *text) {
  for (; *text != '\0'; text++)
    if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
      return true;
  return false;
}

/* ---- starting ---- */

/* An empty Expect keeps libcurl from waiting for a 100 before the body. */
#define NO_EXPECT "Expect:"

/* Returns whether the POST is short enough for one piece. A libcurl that does
 * not know admit needs the other way. */
static bool fits_in_one_piece(const struct http_request *r) {
  size_t bytes = strlen(r->url) + r->body_size;
  for (size_t i = 0; r->headers[i] != NULL; i++)
    bytes += strlen(r->headers[i]);
  return r->is_post && bytes <= ONE_PIECE_MAX_BYTES &&
         LIBCURL_VERSION_NUM >= CURL_WITH_PREREQ;
}

/* Returns the size of the list with its texts; ret_count: of its lines. */
static size_t measure_headers(const char *const *lines, size_t *ret_count) {
  size_t bytes = sizeof(struct curl_slist) + sizeof(NO_EXPECT);
  size_t count = 1;
  for (; lines[count - 1] != NULL; count++)
    bytes += sizeof(struct curl_slist) + strlen(lines[count - 1]) + 1;
  *ret_count = count;
  return bytes;
}

/* Makes the list itself, since one of the lines may hold a key: libcurl's own
 * would lie where core dumps see it. */
static struct curl_slist *make_headers(const char *const *lines) {
  size_t count;
  size_t bytes = measure_headers(lines, &count);
  struct curl_slist *list = secret_alloc(bytes);
  if (list == NULL)
    return NULL;
  char *text = (char *)(list + count);
  for (size_t i = 0; i < count; i++) {
    list[i].data = text;
    list[i].next = i + 1 < count ? &list[i + 1] : NULL;
    text = stpcpy(text, i == 0 ? NO_EXPECT : lines[i - 1]) + 1;
  }
  return list;
}

static struct transfer *transfer_new(const struct http_request *r) {
  size_t body_size = r->is_post ? r->body_size : 0;
  struct transfer *t = calloc(1, sizeof(*t) + body_size);
  if (t == NULL)
    return NULL;
  t->tag = r->tag;
  t->is_post = r->is_post;
  t->body_size = body_size;
  t->is_in_one_piece = fits_in_one_piece(r);
  if (body_size > 0)
    memcpy(t->body, r->body, body_size);
  buf_init(&t->answer, HTTP_ANSWER_MAX_BYTES);
  t->easy = curl_easy_init();
  t->headers = make_headers(r->headers);
  if (t->easy == NULL || t->headers == NULL) {
    transfer_free(t);
    return NULL;
  }
  return t;
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

int http_start(struct http *h, const struct http_request *request) {
  int err = check_request(request);
  if (err != 0)
    return err;
  struct transfer *t = transfer_new(request);
  if (t == NULL)
    return -ENOMEM;

  CURLcode code = set_all(t, request);
  if (code != CURLE_OK ||
      curl_multi_add_handle(h->multi, t->easy) != CURLM_OK) {
    transfer_free(t);
    return code == CURLE_OK || code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
  }

  t->sockets = h->sockets;
  t->timeout_ms = request->timeout_ms < INT_MAX ? request->timeout_ms : INT_MAX;
  t->deadline_ms = clock_ms() + t->timeout_ms;
  if (t->deadline_ms < h->next_deadline_ms)
    h->next_deadline_ms = t->deadline_ms;
  t->next = h->transfers;
  t->link = &h->transfers;
  if (t->next != NULL)
    t->next->link = &t->next;
  h->transfers = t;
  h->in_flight++;
  return 0;
}

/* ---- waiting ---- */

static const char *info_text(CURL *easy, CURLINFO info) {
  const char *text = NULL;
  curl_easy_getinfo(easy, info, &text);
  return text != NULL ? text : "";
}

/* libcurl 7.88 does not tell which socket a request is about to use, but the
 * addresses at both ends; so the sockets of connections that may be used again
 * are kept by these. */
static void remember_socket(struct http *h, CURL *easy) {
  struct kept_socket kept = {.fd = CURL_SOCKET_BAD};
  curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &kept.fd);
  kept.id = id_of_connection(info_text(easy, CURLINFO_PRIMARY_IP),
                             info_text(easy, CURLINFO_LOCAL_IP),
                             info_long(easy, CURLINFO_PRIMARY_PORT),
                             info_long(easy, CURLINFO_LOCAL_PORT));
  h->sockets[kept.id % SOCKETS] = kept;
}

static CURLMsg *next_message(struct http *h) {
  int left;
  CURLMsg *m;
  do
    m = curl_multi_info_read(h->multi, &left);
  while (m != NULL && m->msg != CURLMSG_DONE);
  return m;
}

/* Takes the request that was kept off its connection, which is closed now, to a
 * fresh one, over which it is admitted. Returns whether that was possible. */
static bool start_on_fresh(struct http *h, struct transfer *t) {
  curl_multi_remove_handle(h->multi, t->easy);
  t->was_kept_off = false;
  t->error[0] = '\0';
  return curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
         curl_multi_add_handle(h->multi, t->easy) == CURLM_OK;
}

static void end_transfer(struct http *h, struct transfer *t, CURLcode code) {
  unlink_transfer(h, t);
  t->code = t->was_repeated ? CURLE_SEND_FAIL_REWIND : code;
  t->next = NULL;
  *h->ended_end = t;
  h->ended_end = &t->next;
}

static void take_messages(struct http *h) {
  for (const CURLMsg *m; (m = next_message(h)) != NULL;) {
    struct transfer *t;
    CURLcode code = m->data.result;
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
    remember_socket(h, t->easy);
    if (!t->was_kept_off || !start_on_fresh(h, t))
      end_transfer(h, t, code);
  }
}

static void perform(struct http *h) {
  int running = 0;
  curl_multi_perform(h->multi, &running);
  take_messages(h);
}

/* Ends a transfer that was overdue before what had arrived was read. Returns
 * whether it became overdue only now. */
static bool judge_deadline(struct http *h, struct transfer *t, int64_t now_ms) {
  if (t->deadline_ms > now_ms) {
    if (t->deadline_ms < h->next_deadline_ms)
      h->next_deadline_ms = t->deadline_ms;
    return false;
  }
  if (t->is_overdue) {
    snprintf(t->error, sizeof(t->error),
             "timed out after %lld ms with %zu bytes of an answer",
             (long long)t->timeout_ms, t->header_bytes + t->answer.size);
    end_transfer(h, t, CURLE_OPERATION_TIMEDOUT);
    return false;
  }
  t->is_overdue = true;
  h->next_deadline_ms = now_ms;
  return true;
}

static bool judge_deadlines(struct http *h) {
  int64_t now_ms = clock_ms();
  bool is_any_overdue = false;
  if (now_ms < h->next_deadline_ms)
    return false;
  h->next_deadline_ms = INT64_MAX;
  for (struct transfer *t = h->transfers, *next; t != NULL; t = next) {
    next = t->next;
    is_any_overdue = judge_deadline(h, t, now_ms) || is_any_overdue;
  }
  return is_any_overdue;
}

/* Moves transfers on. libcurl judges a time-out before it reads what has
 * arrived, so that a thread that was late would lose answers that were not:
 * here that is read first. */
static void serve(struct http *h) {
  perform(h);
  while (judge_deadlines(h))
    perform(h);
}

static int limit_of(const struct http *h, int64_t timeout_ms) {
  int64_t left_ms = h->next_deadline_ms - clock_ms();
  if (left_ms < timeout_ms)
    timeout_ms = left_ms;
  return timeout_ms < 0 ? 0 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
}

void http_wait(struct http *h, int64_t timeout_ms) {
  serve(h);
  if (h->ended != NULL)
    return;
  int limit_ms = limit_of(h, timeout_ms);
  /* Without memory for the descriptors the caller must not spin. */
  if (curl_multi_poll(h->multi, NULL, 0, limit_ms, NULL) != CURLM_OK)
    poll(NULL, 0, limit_ms < NAP_MAX_MS ? limit_ms : NAP_MAX_MS);
  serve(h);
}

void http_wake(struct http *h) { curl_multi_wakeup(h->multi); }

size_t http_in_flight(const struct http *h) { return h->in_flight; }

/* ---- replies ---- */

/* Returns whether the body may have begun to leave. libcurl counts what it has
 * written of it. If libcurl has tried again in vain, that is of the last try:
 * it tries only those again that found a connection of before. */
static bool has_begun_to_leave(const struct transfer *t) {
  bool is_counted = t->is_in_one_piece && t->was_admitted_fresh;
  return may_have_left(t) &&
         (!is_counted || info_offset(t->easy, CURLINFO_SIZE_UPLOAD_T) > 0);
}

/* Returns whether the far side may have seen the request: for a POST, some of
 * its body, unless the answer was early, so that the rest never left. A GET has
 * no body, and counts as sent once libcurl has written some of its head. */
static bool was_sent(const struct transfer *t) {
  return t->is_post ? has_begun_to_leave(t) && !t->is_early
                    : info_long(t->easy, CURLINFO_REQUEST_SIZE) > 0;
}

static int64_t retry_after_ms(CURL *easy) {
  curl_off_t s = 0;
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &s);
  if (s < 0)
    return 0;
  return (s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S) * 1000;
}

static const char *error_text(const struct transfer *t, CURLcode code) {
  if (t->was_repeated)
    return "the connection ended without an answer";
  if (t->is_unbelieved)
    return "an answer came before the request had left";
  if (t->is_too_large)
    return "the answer is too large";
  if (t->answer.error == -ENOMEM)
    return "no memory for the answer";
  return t->error[0] != '\0' ? t->error : curl_easy_strerror(code);
}

/* Copies text as one line: libcurl quotes certificates and proxies, so control
 * bytes become spaces. */
static void copy_line(char *to, size_t to_bytes, const char *from) {
  size_t i = 0;
  for (; i + 1 < to_bytes && from[i] != '\0'; i++)
    to[i] = (unsigned char)from[i] < ' ' || from[i] == 0x7f ? ' ' : from[i];
  to[i] = '\0';
}

static int http_code_of(const struct transfer *t, CURLcode code) {
  long http_code = info_long(t->easy, CURLINFO_RESPONSE_CODE);
  /* "100 Continue" announces an answer and is none. */
  bool is_announcement = code != CURLE_OK && http_code < 200;
  return t->is_unbelieved || is_announcement ? 0 : (int)http_code;
}

static void fill_reply(struct http_reply *r, const struct transfer *t,
                       CURLcode code) {
  memset(r, 0, sizeof(*r));
  r->tag = t->tag;
  r->is_post = t->is_post;
  r->curl_code = (int)code;
  if (code != CURLE_OK)
    copy_line(r->curl_error, sizeof(r->curl_error), error_text(t, code));
  r->sent = was_sent(t);
  r->is_early = t->is_early;
  r->http_code = http_code_of(t, code);
  r->has_retry_after = t->has_retry_after;
  r->retry_after_ms = retry_after_ms(t->easy);
  r->answer = buf_text(&t->answer);
  r->answer_size = t->answer.size;
  r->answer_too_large = t->is_too_large;
}

bool http_next_reply(struct http *h, struct http_reply *ret_reply) {
  transfer_free(h->replied);
  h->replied = take_ended(h);
  if (h->replied == NULL)
    return false;
  h->in_flight--;
  fill_reply(ret_reply, h->replied, h->replied->code);
  return true;
}
